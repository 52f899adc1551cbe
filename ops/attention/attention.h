/* What the operator `attention` is called with. */
#ifndef CT__ATTENTION_H
#define CT__ATTENTION_H
#include <stdbool.h>

typedef struct ct__attention {
    double scale;
    bool causal;
} ct__attention;
#endif
