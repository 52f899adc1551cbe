/* Distinct texts, numbered in the order in which they first come: names of columns, categories. */
#ifndef COTANGENT_WORDS_H
#define COTANGENT_WORDS_H
#include <cotangent/nn.h>

typedef struct ct__words {
    const char **text; /* n of them, which the caller keeps; an object of the context, as slots */
    int64_t *slots;    /* 2^bits of them: 1 + a number, or 0; open addressing */
    int64_t n;
    int bits;
} ct__words;

/* the number of the text; -1 if it is not there */
int64_t ct__words_find(const ct__words *w, const char *text);
/* the number of the text, which is added if it is new; -1 and an error for lack of memory */
int64_t ct__words_add(ct_context *cx, ct__words *w, const char *text);
void ct__words_free(ct__words *w);
#endif
