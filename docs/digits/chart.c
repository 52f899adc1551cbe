#include "chart.h"

#include <math.h>

/* the frame within the picture */
enum { WIDTH = 480, HEIGHT = 260, LEFT = 52, RIGHT = 464, TOP = 14, BOTTOM = 226 };

typedef struct scale {
    double low, high;           /* of y, or of log10 y */
    bool logarithmic;
} scale;

/* 1, 2 or 5 times a power of ten: the smallest that is no less than x */
static double round_up(double x)
{
    double power = pow(10, floor(log10(x)));
    double digits = x / power;
    return power * (digits <= 1.0001 ? 1 : digits <= 2.0001 ? 2 : digits <= 5.0001 ? 5 : 10);
}

static scale scale_for(const chart *c)
{
    double low = INFINITY, high = 1e-6;
    for (int i = 0; i < c->n; i++) {
        low = fmin(low, fmax(c->y[i], 1e-6));
        high = fmax(high, c->y[i]);
    }
    if (c->logarithmic)
        return (scale){ log10(fmin(low, high) * 0.9), log10(high * 1.1), true };
    double step = round_up(high / 5);
    return (scale){ 0, step * ceil(high / step), false };
}

static double place_x(const chart *c, double x)
{
    return LEFT + (RIGHT - LEFT) * x / c->x_max;
}

static double place_y(const scale *s, double y)
{
    double t = s->logarithmic ? log10(fmax(y, 1e-6)) : y;
    return BOTTOM - (BOTTOM - TOP) * (t - s->low) / (s->high - s->low);
}

static void grid_line(FILE *out, const chart *c, const scale *s, double y)
{
    double at = place_y(s, y);
    fprintf(out, "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>"
            "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%g%s</text>\n",
            LEFT, RIGHT, at, at, LEFT - 8, at + 4, y, c->unit);
}

static void y_axis(FILE *out, const chart *c, const scale *s)
{
    static const double digits[] = { 1, 2, 5 };
    if (!s->logarithmic) {
        double step = round_up(s->high / 5.001);
        for (int i = 0; step * i <= s->high * 1.0001; i++)
            grid_line(out, c, s, step * i);
        return;
    }
    bool sparse = s->high - s->low > 2; /* more than two decades: powers of ten alone */
    for (int power = (int)floor(s->low); power <= s->high; power++)
        for (int i = 0; i < (sparse ? 1 : 3); i++) {
            double y = digits[i] * pow(10, power);
            if (log10(y) >= s->low && log10(y) <= s->high)
                grid_line(out, c, s, y);
        }
}

static void x_axis(FILE *out, const chart *c)
{
    int step = (int)round_up(fmax(1, c->x_max / 10.0));
    for (int x = 0; x <= c->x_max; x += step)
        fprintf(out, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%d</text>\n",
                place_x(c, x), BOTTOM + 18, x);
    fprintf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">epoch</text>\n", RIGHT, HEIGHT - 2);
}

void chart_write(FILE *out, const chart *c)
{
    scale s = scale_for(c);
    fprintf(out, "<figure class=\"chart\"><figcaption>%s</figcaption>\n"
            "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">\n",
            c->title, WIDTH, HEIGHT, c->title);
    y_axis(out, c, &s);
    x_axis(out, c);
    fprintf(out, "<polyline class=\"curve %s\" points=\"", c->style);
    for (int i = 0; i < c->n; i++)
        fprintf(out, "%.1f,%.1f ", place_x(c, c->x[i]), place_y(&s, c->y[i]));
    fputs("\"/>\n", out);
    for (int i = c->dots ? 0 : c->n - 1; i < c->n; i++)
        fprintf(out, "<circle class=\"dot %s\" cx=\"%.1f\" cy=\"%.1f\" r=\"4\">"
                "<title>epoch %g: %.4g%s</title></circle>\n", c->style, place_x(c, c->x[i]),
                place_y(&s, c->y[i]), c->x[i], c->y[i], c->unit);
    if (c->n > 0)
        fprintf(out, "<text class=\"last %s\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%.3g%s"
                "</text>\n", c->style, place_x(c, c->x[c->n - 1]) + 4,
                place_y(&s, c->y[c->n - 1]) - 12, c->y[c->n - 1], c->unit);
    fputs("</svg></figure>\n", out);
}
