/* The pictures of style, painted by the program itself: 3 planes (red, green, blue) of EDGE x EDGE
 * numbers between 0 and 1. */
#ifndef PAINT_H
#define PAINT_H
#include "program.h"
#include <math.h>

enum { EDGE = 128, AREA = EDGE * EDGE, NUMBERS = 3 * AREA };

static inline double uniform(ct_context *cx, double low, double high)
{
    return low + (high - low) * ldexp((double)(ct_random_u64(cx) >> 11), -53);
}

/* `share` of the color over what is at the place; outside of the picture nothing */
static inline void dab(float *picture, int x, int y, const double *color, double share)
{
    if (x < 0 || y < 0 || x >= EDGE || y >= EDGE || share <= 0)
        return;
    for (int c = 0; c < 3; c++) {
        float *at = picture + c * AREA + y * EDGE + x;
        *at = (float)(*at + fmin(share, 1) * (fmin(fmax(color[c], 0.02), 0.98) - *at));
    }
}

/* a moon over mountains and a house by a lake */
static inline void paint_scene(float *picture)
{
    static const double sky[] = { 0.95, 0.75, 0.5 }, night[] = { 0.3, 0.45, 0.75 },
        moon[] = { 0.98, 0.95, 0.8 }, far[] = { 0.45, 0.45, 0.6 }, near[] = { 0.2, 0.35, 0.25 },
        lake[] = { 0.35, 0.55, 0.7 }, wall[] = { 0.9, 0.85, 0.75 }, roof[] = { 0.6, 0.2, 0.15 },
        dark[] = { 0.1, 0.1, 0.12 };
    for (int i = 0; i < AREA; i++) {
        double x = (i % EDGE + 0.5) / EDGE, y = (i / EDGE + 0.5) / EDGE, edge = EDGE / 1.5;
        int u = i % EDGE, v = i / EDGE;
        dab(picture, u, v, sky, 1);
        dab(picture, u, v, night, 1 - 1.6 * y);
        dab(picture, u, v, moon, edge * (0.11 - hypot(x - 0.72, y - 0.2)));
        dab(picture, u, v, far, edge * (y - 0.28 - 0.9 * fabs(x - 0.35)));
        dab(picture, u, v, far, edge * (y - 0.37 - 0.9 * fabs(x - 0.85)));
        dab(picture, u, v, near, edge * (y - 0.58 - 0.06 * sin(7 * x)));
        dab(picture, u, v, lake, edge * (y - 0.78 - 0.08 * sin(4 * x + 1)));
        dab(picture, u, v, wall, edge * fmin(0.1 - fabs(x - 0.28), 0.09 - fabs(y - 0.66)));
        dab(picture, u, v, roof, edge * fmin(y - 0.44 - 0.9 * fabs(x - 0.28), 0.58 - y));
        dab(picture, u, v, dark, edge * fmin(0.025 - fabs(x - 0.28), 0.045 - fabs(y - 0.7)));
    }
}

/* strokes of a thick brush that follow eddies */
static inline void paint_strokes(ct_context *cx, float *picture)
{
    static const double colors[][3] = { { 0.1, 0.2, 0.5 }, { 0.2, 0.4, 0.75 }, { 0.5, 0.7, 0.85 },
                                        { 0.95, 0.85, 0.4 }, { 0.05, 0.1, 0.3 } };
    for (int i = 0; i < 1500; i++) {
        double x = uniform(cx, 0, EDGE), y = uniform(cx, 0, EDGE), color[3];
        int kind = (int)(2.5 + 2.5 * sin(0.11 * x + 1.3 * sin(0.09 * y)) * uniform(cx, 0.3, 1));
        for (int c = 0; c < 3; c++)
            color[c] = colors[kind][c] + uniform(cx, -0.08, 0.08);
        for (int step = 0; step < 14; step++) {
            double angle = 2.2 * sin(0.07 * x) + 2.2 * cos(0.08 * y);
            for (int u = -1; u <= 2; u++)
                for (int v = -1; v <= 2; v++)
                    dab(picture, (int)x + u, (int)y + v, color,
                        1.6 - hypot((int)x + u - x, (int)y + v - y));
            x += 0.7 * cos(angle), y += 0.7 * sin(angle);
        }
    }
}

/* panes of colored glass in lead */
static inline void paint_glass(ct_context *cx, float *picture)
{
    enum { PANES = 90 };
    static const double lead[] = { 0.05, 0.05, 0.05 };
    double x[PANES], y[PANES], color[PANES][3];
    for (int k = 0; k < PANES; k++) {
        x[k] = uniform(cx, 0, EDGE), y[k] = uniform(cx, 0, EDGE);
        for (int c = 0; c < 3; c++)
            color[k][c] = pow(uniform(cx, 0, 1), c == 1 ? 1.6 : 0.7);
    }
    for (int i = 0; i < AREA; i++) {
        double first = 1e9, second = 1e9;
        int pane = 0;
        for (int k = 0; k < PANES; k++) {
            double d = hypot(i % EDGE - x[k], i / EDGE - y[k]);
            pane = d < first ? k : pane;
            second = d < first ? first : fmin(second, d);
            first = fmin(first, d);
        }
        dab(picture, i % EDGE, i / EDGE, color[pane], 1);
        dab(picture, i % EDGE, i / EDGE, lead, 1.6 - 0.8 * (second - first));
    }
}

/* the picture x as sigmoid(u), where u is the parameter of a module */
static inline ct_module *picture_new(ct_context *cx, ct_tensor *x)
{
    ct_module *picture = ct_module_new(cx, "picture", NULL, NULL);
    ct_module_add_parameter(picture, "u", ct_log(ct_div(x, ct_rsub(1, x))));
    return picture;
}

static inline void show(program *p, const float *picture, const char *words, size size)
{
    report_image(p, &(image){ words, picture, EDGE, EDGE, .palette = RGB, .size = size,
                               .cover = size == HALF });
}

#endif
