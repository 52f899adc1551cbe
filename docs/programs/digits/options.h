/* What the user asks for, beside what all programs are asked. */
#ifndef DIGITS_OPTIONS_H
#define DIGITS_OPTIONS_H
#include "program.h"

enum { MAX_HIDDEN = 8, DIGITS_OPTIONS = 9 };

typedef enum algorithm { SGD, MOMENTUM, ADAM } algorithm;

typedef struct options {
    int64_t hidden[MAX_HIDDEN];         /* sizes of the hidden layers */
    int hidden_count;
    int epochs, batch, train, test, check_only;
    ct_activation activation;
    algorithm algorithm;
    double rate;                        /* 0: the algorithm's own */
    const char *activation_text, *algorithm_text; /* as they were given */
} options;

/* the defaults, and a table that reads into o */
void options_table(options *o, option rows[DIGITS_OPTIONS]);
/* what the defaults are where nothing else was asked for */
void options_complete(options *o, const program *p);

#endif
