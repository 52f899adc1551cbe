/* A chart is a frame, lines of a grid with numbers, perhaps a picture behind, and series. */
#include "program.h"

#include <math.h>
#include <stdlib.h>

#include "report.h"

typedef struct axis {
    double low, high;           /* of the values, or of their logarithms */
    int log;                    /* its base; 0: linear */
    double from, to;            /* where the ends are in the picture */
} axis;

typedef struct frame {
    int width, height;
    double left, right, top, bottom;
    axis x, y;
} frame;

/* -- Axes */
/* 1, 2 or 5 times a power of ten: the smallest that is no less than x */
static double round_up(double x)
{
    double power = pow(10, floor(log10(x)));
    double digits = x / power;
    return power * (digits <= 1.0001 ? 1 : digits <= 2.0001 ? 2 : digits <= 5.0001 ? 5 : 10);
}

/* on the axis' scale; NaN where it has no place */
static double scaled(const axis *a, double v)
{
    if (!a->log)
        return isfinite(v) ? v : NAN;
    return v > 0 && isfinite(v) ? log(v) / log(a->log) : NAN;
}

static double place(const axis *a, double v)
{
    return a->from + (a->to - a->from) * (scaled(a, v) - a->low) / (a->high - a->low);
}

static void fit(axis *a, const chart *c, bool is_y)
{
    a->low = INFINITY, a->high = -INFINITY;
    for (int s = 0; s < SERIES_MAX && c->series[s].n > 0; s++)
        for (int i = 0; i < c->series[s].n; i++) {
            double v = scaled(a, (is_y ? c->series[s].y : c->series[s].x)[i]);
            a->low = fmin(a->low, v);       /* which pass over NaN */
            a->high = fmax(a->high, v);
        }
    if (!(a->low <= a->high))
        a->low = 0, a->high = 1;
    if (a->low == a->high)
        a->low -= 0.5, a->high += 0.5;
    double margin = (a->high - a->low) * 0.04;
    if (is_y && !a->log && a->low >= 0 && a->low < 0.6 * a->high)
        a->low = 0, margin = (a->high - a->low) * 0.06;
    else if (is_y)
        a->low -= margin;
    if (is_y)
        a->high += margin;
}

static axis axis_of(const chart *c, bool is_y)
{
    axis a = { .log = is_y ? c->y_log : c->x_log };
    double low = is_y ? c->y_low : c->x_low, high = is_y ? c->y_high : c->x_high;
    if (low < high)
        a.low = scaled(&a, low), a.high = scaled(&a, high);
    else
        fit(&a, c, is_y);
    return a;
}

/* 10 to a power that would be a long number is written with superscripts */
static void number(FILE *page, double v, int log)
{
    static const char *const raised[] = { "⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸",
                                          "⁹" };
    int power = (int)lround(log10(fabs(v) + (v == 0)));
    if (log != 10 || (power >= -3 && power <= 4)) {
        fprintf(page, "%g", v);
        return;
    }
    double digits = v / pow(10, power);
    if (fabs(digits - 1) > 1e-6)
        fprintf(page, "%g·", digits);
    fprintf(page, "10%s%s%s", power < 0 ? "⁻" : "",
            abs(power) >= 10 ? raised[abs(power) / 10 % 10] : "", raised[abs(power) % 10]);
}

static void tick(FILE *page, const frame *f, const chart *c, bool is_y, double v)
{
    double at = place(is_y ? &f->y : &f->x, v);
    if (is_y)
        fprintf(page, "<line class=\"grid\" x1=\"%g\" x2=\"%g\" y1=\"%.1f\" y2=\"%.1f\"/>"
                "<text x=\"%g\" y=\"%.1f\" text-anchor=\"end\">", f->left, f->right, at, at,
                f->left - 8, at + 4);
    else
        fprintf(page, "<text x=\"%.1f\" y=\"%g\" text-anchor=\"middle\">", at, f->bottom + 18);
    number(page, v, is_y ? c->y_log : c->x_log);
    fprintf(page, "%s</text>\n", is_y && c->unit ? c->unit : "");
}

static void ticks(FILE *page, const frame *f, const chart *c, bool is_y)
{
    const axis *a = is_y ? &f->y : &f->x;
    double span = a->high - a->low, slack = 1e-6 * span;
    if (!a->log) {
        double step = round_up(span / (is_y ? 5 : c->size == SQUARE ? 4 : 6));
        if (!is_y && c->whole)
            step = fmax(1, step);
        for (double i = ceil((a->low - slack) / step); i * step <= a->high + slack; i++)
            tick(page, f, c, is_y, i == 0 ? 0 : i * step);
        return;
    }
    static const double digits[] = { 1, 2, 5 };
    int step = (int)ceil(span / 9), parts = a->log == 10 && span < 2 ? 3 : 1;
    for (int power = (int)floor(a->low / step) * step; power <= a->high + slack; power += step)
        for (int i = 0; i < parts; i++) {
            double v = digits[i] * pow(a->log, power);
            if (scaled(a, v) >= a->low - slack && scaled(a, v) <= a->high + slack)
                tick(page, f, c, is_y, v);
        }
}

/* -- Series */
static int color_of(const chart *c, int s)
{
    return c->series[s].color ? c->series[s].color : s % COLORS + 1;
}

/* a line with gaps, or a path of points: each a line of no length with a round end */
static void path(FILE *page, const frame *f, const series *s, const char *class, int color,
                 bool points)
{
    bool down = false;
    fprintf(page, "<path class=\"%s\" style=\"stroke:var(--c%d)\" d=\"", class, color);
    for (int i = 0; i < s->n; i++) {
        double x = place(&f->x, s->x[i]), y = place(&f->y, s->y[i]);
        if (!isfinite(x) || !isfinite(y)) {
            down = false;
            continue;
        }
        fprintf(page, points ? "M%.1f %.1fh0" : down ? "L%.1f %.1f" : "M%.1f %.1f", x, y);
        down = true;
    }
    fputs("\"/>\n", page);
}

static void last_number(FILE *page, const frame *f, const chart *c, const series *s, int color)
{
    double y = s->y[s->n - 1];
    fprintf(page, "<text class=\"last\" style=\"fill:var(--c%d)\" x=\"%.1f\" y=\"%.1f\" "
            "text-anchor=\"end\">%.3g%s</text>\n", color, place(&f->x, s->x[s->n - 1]) + 4,
            place(&f->y, y) - 12, y, c->unit ? c->unit : "");
}

/* An inner picture cuts off what is outside of the frame, but for half a point */
static void draw_series(FILE *page, const frame *f, const chart *c)
{
    double x = f->left - 4, y = f->top - 4, width = f->right - x + 4, height = f->bottom - y + 4;
    fprintf(page, "<svg x=\"%g\" y=\"%g\" width=\"%g\" height=\"%g\" viewBox=\"%g %g %g %g\">\n",
            x, y, width, height, x, y, width, height);
    for (int k = 0; k < SERIES_MAX && c->series[k].n > 0; k++) {
        const series *s = &c->series[k];
        int color = color_of(c, k);
        const char *curve = s->mark == DASHED ? "curve dashed" : s->mark == THIN ? "curve thin"
                                                                                 : "curve";
        if (s->mark != DOTS)
            path(page, f, s, curve, color, false);
        if (s->mark == DOTS || s->mark == LINE_AND_DOTS)
            path(page, f, s, "points", color, true);
    }
    fputs("</svg>\n", page);
    for (int k = 0; c->last && k < SERIES_MAX && c->series[k].n > 0; k++)
        last_number(page, f, c, &c->series[k], color_of(c, k));
}

static void key(FILE *page, const chart *c)
{
    static const char *const classes[] = { "line", "dashed", "dots", "line", "line" };
    bool any = false;
    for (int k = 0; k < SERIES_MAX && c->series[k].n > 0; k++) {
        const series *s = &c->series[k];
        if (!s->name)
            continue;
        fputs(any ? "" : "<div class=\"key\">", page);
        any = true;
        fprintf(page, "<span><i class=\"%s\" style=\"%s:var(--c%d)\"></i>", classes[s->mark],
                s->mark == DOTS ? "background" : "border-color", color_of(c, k));
        escape(page, s->name);
        fputs("</span>", page);
    }
    fputs(any ? "</div>\n" : "", page);
}

/* -- The whole */
static frame frame_of(const chart *c)
{
    static const frame frames[] = { [HALF] = { 480, 270, 52, 464, 14, 226, { 0 }, { 0 } },
        [SQUARE] = { 360, 356, 48, 346, 10, 316, { 0 }, { 0 } },
        [SMALL] = { 240, 240, 2, 238, 2, 238, { 0 }, { 0 } },
        [FULL] = { 480, 270, 52, 464, 14, 226, { 0 }, { 0 } } };
    frame f = frames[c->size];
    f.x = axis_of(c, false), f.y = axis_of(c, true);
    f.x.from = f.left, f.x.to = f.right;
    f.y.from = f.bottom, f.y.to = f.top;
    return f;
}

static void labels(FILE *page, const frame *f, const chart *c)
{
    ticks(page, f, c, true);
    ticks(page, f, c, false);
    if (c->x_name) {
        fprintf(page, "<text x=\"%g\" y=\"%d\" text-anchor=\"end\">", f->right, f->height - 3);
        escape(page, c->x_name);
        fputs("</text>\n", page);
    }
}

static void title(FILE *page, const chart *c)
{
    fputs("<div class=\"title\">", page);
    escape(page, c->title ? c->title : "");
    if (c->y_name) {
        fputs(": ", page);
        escape(page, c->y_name);
    }
    fputs("</div>\n", page);
}

void report_chart(program *p, const chart *c)
{
    static const char *const grids[] = { "charts", "squares", "smalls", "full" };
    FILE *page = report_open(p, grids[c->size], "div");
    if (!page)
        return;
    frame f = frame_of(c);
    fprintf(page, "<figure class=\"chart%s\">", c->cover ? " cover" : "");
    title(page, c);
    key(page, c);
    fprintf(page, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", f.width, f.height);
    escape(page, c->title ? c->title : p->title);
    fputs("\">\n", page);
    if (c->behind) {
        fprintf(page, "<image x=\"%g\" y=\"%g\" width=\"%g\" height=\"%g\" "
                "preserveAspectRatio=\"none\" href=\"", f.left, f.top, f.right - f.left,
                f.bottom - f.top);
        image_write(page, c->behind);
        fputs("\"/>\n", page);
    }
    if (c->size != SMALL)
        labels(page, &f, c);
    draw_series(page, &f, c);
    fputs("</svg>", page);
    if (c->caption) {
        fputs("<figcaption>", page);
        escape(page, c->caption);
        fputs("</figcaption>", page);
    }
    fputs("</figure>\n", page);
}
