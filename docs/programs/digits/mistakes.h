/* Which test images are misread, and how sure the net was. */
#ifndef DIGITS_MISTAKES_H
#define DIGITS_MISTAKES_H
#include "program.h"

enum { WORST = 24 };

typedef struct mistake {
    int64_t image;
    int label, guess;
    double confidence;          /* the probability that the net gives its guess */
} mistake;

typedef struct mistakes {
    int64_t count, images;
    mistake worst[WORST];       /* the surest first; the first min(count, WORST) of them */
} mistakes;

/* false: the context's error says why */
bool mistakes_find(mistakes *m, ct_context *cx, ct_module *net, const images *test);

#endif
