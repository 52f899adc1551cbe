/* What is seen while it trains: a bar that moves on a terminal, else a line per epoch. */
#ifndef DIGITS_PROGRESS_H
#define DIGITS_PROGRESS_H
#include <stdbool.h>
#include <stdint.h>

typedef struct progress {
    int epoch, epochs, cells;   /* epochs done, to be done; length of the bar as drawn */
    bool terminal;
} progress;

progress progress_new(int epochs);
void progress_step(progress *p, int64_t done, int64_t of, double loss);
void progress_epoch(progress *p, double loss, double error, double seconds);

#endif
