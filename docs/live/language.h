/* A small language for functions, which the page of expressions reads.
 *
 *   x = 2
 *   W = [[1, -1], [0.5, 2]]
 *   sum(tanh(W * x)^2)
 *
 * A line ends at its end, at ";", or at "#", which begins a comment; inside brackets it goes on. A
 * line may give a name to its value. A name whose value depends on no other name is a variable. The
 * last line is the function; its value is one number. There are + - * / ^ and @, the product of
 * matrices, and the functions of live_functions. All numbers are f64. */
#ifndef LIVE_LANGUAGE_H
#define LIVE_LANGUAGE_H
#include <cotangent.h>

enum { LIVE_NAME = 32, LIVE_NAMES = 64 };

typedef struct live_name {
    char name[LIVE_NAME];
    ct_tensor *value;
    bool variable;
} live_name;

typedef struct live_program {
    ct_context *cx;
    int moved; /* the number of a variable, of which this element is larger by `by`; -1: none */
    int64_t element;
    double by;
    /* what a text that was read has made */
    live_name name[LIVE_NAMES];
    int names, variables;
    ct_tensor *result;
    const char *last; /* where the last line begins */
    /* what is wrong with it, and where: from 1; in characters from its beginning */
    char error[512];
    int line, column, at;
} live_program;

/* Computes what the text says, in the open scope. The caller sets cx, moved, element and by. False:
 * p->error says why not. */
bool live_read(live_program *p, const char *text);

/* The functions that a text may use, of one or two tensors; the other member is NULL */
typedef struct live_function {
    const char *name;
    ct_tensor *(*one)(ct_tensor *x);
    ct_tensor *(*two)(ct_tensor *a, ct_tensor *b);
} live_function;
const live_function *live_functions(int *n);
#endif
