/* What the user asks for. */
#ifndef DIGITS_OPTIONS_H
#define DIGITS_OPTIONS_H
#include <cotangent.h>

enum { MAX_HIDDEN = 8 };

/* how the program ends; --help says the same in words */
enum { EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_GRADIENT = 3, EXIT_INTERRUPTED = 130 };

typedef enum algorithm { SGD, MOMENTUM, ADAM } algorithm;

typedef struct options {
    const char *data, *out;             /* data: NULL where digits are to be drawn */
    int64_t hidden[MAX_HIDDEN];         /* sizes of the hidden layers */
    int hidden_count;
    int epochs, batch, threads, train, test, seed;
    ct_activation activation;
    algorithm algorithm;
    double rate;
    bool check_only;
    const char *activation_text, *algorithm_text; /* as they were given */
} options;

/* false: the program ends, with *status; what is to be said has been said */
bool options_read(options *o, int argc, char **argv, int *status);

#endif
