/* A curve in SVG, drawn with the colors of the page it stands in. */
#ifndef DIGITS_CHART_H
#define DIGITS_CHART_H
#include <stdbool.h>
#include <stdio.h>

typedef struct chart {
    const char *title, *unit;   /* unit: what follows a number, "" or " %" */
    const char *style;          /* class of the curve */
    const double *x, *y;
    int n, x_max;               /* x runs from 0 to x_max, in whole epochs */
    bool logarithmic, dots;
} chart;

void chart_write(FILE *out, const chart *c);

#endif
