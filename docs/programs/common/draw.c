/* A digit is drawn in four steps:
 *   1. a skeleton is chosen, and the points of its strokes bent by a smooth random field (so that
 *      joined strokes stay joined) and mapped by a random affine map: turned, slanted, scaled,
 *      moved;
 *   2. curves become short segments (Catmull-Rom splines through the points);
 *   3. each pixel learns its distance d from the nearest segment, and its ink is a smooth step of
 *      d down from the pen's radius: a wide step is a blurred pen, and no edge is jagged;
 *   4. noise is added.
 * Each image has a random stream of its own, so that images can be drawn in parallel. */
#include "program.h"

#include <math.h>
#include <stdlib.h>

#include "draw.h"
#include "skeletons.h"

enum { MAX_POINTS = 24, PIECES = 6 };

typedef struct point { double x, y; } point;

typedef struct pen { double radius, softness, ink, noise; } pen;

typedef struct distortion {
    double a[2][2], move[2];    /* the affine map */
    double bend[2][3];          /* amplitude, wave number, phase: of x along y, of y along x */
} distortion;

/* -- Random numbers: splitmix64 (Steele, Lea, Flood 2014) */
static uint64_t next(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static double uniform(uint64_t *state, double low, double high)
{
    return low + (high - low) * 0x1p-53 * (double)(next(state) >> 11);
}

/* bell-shaped, of standard deviation `deviation`, never beyond 3.5 of it: twelve uniforms make a
   normal distribution nearly, four do for handwriting */
static double bell(uint64_t *state, double deviation)
{
    double sum = 0;
    for (int i = 0; i < 4; i++)
        sum += uniform(state, -1, 1);
    return deviation * 0.866 * sum; /* each has variance 1/3 */
}

/* -- Where the strokes go */
static distortion random_distortion(uint64_t *state)
{
    const double pi = 3.14159265358979;
    distortion d;
    double turn = bell(state, 0.18), slant = bell(state, 0.23);
    double size = 0.2 * exp(bell(state, 0.10)), aspect = exp(bell(state, 0.13));
    double c = cos(turn), s = sin(turn), width = size * 0.78 * aspect, height = size / aspect;
    d.a[0][0] = c * width, d.a[0][1] = c * slant * height - s * height;
    d.a[1][0] = s * width, d.a[1][1] = s * slant * height + c * height;
    for (int i = 0; i < 2; i++) {
        d.move[i] = SIDE / 2.0 + bell(state, 1.1);
        d.bend[i][0] = bell(state, 6.3);
        d.bend[i][1] = uniform(state, 0.02, 0.07);
        d.bend[i][2] = uniform(state, 0, 2 * pi);
    }
    return d;
}

static point distort(const distortion *d, point p)
{
    double x = p.x - 50 + d->bend[0][0] * sin(d->bend[0][1] * p.y + d->bend[0][2]);
    double y = p.y - 50 + d->bend[1][0] * sin(d->bend[1][1] * p.x + d->bend[1][2]);
    return (point){ d->a[0][0] * x + d->a[0][1] * y + d->move[0],
                    d->a[1][0] * x + d->a[1][1] * y + d->move[1] };
}

/* -- What the pen leaves */
/* lower each pixel's squared distance from the ink to that from the segment p-q */
static void draw_segment(point p, point q, double reach, float *distance)
{
    float dx = (float)(q.x - p.x), dy = (float)(q.y - p.y), length = dx * dx + dy * dy;
    float scale = length > 0 ? 1 / length : 0;
    int left = (int)fmax(0, fmin(p.x, q.x) - reach), top = (int)fmax(0, fmin(p.y, q.y) - reach);
    int right = (int)fmin(SIDE - 1, fmax(p.x, q.x) + reach);
    int bottom = (int)fmin(SIDE - 1, fmax(p.y, q.y) + reach);
    for (int i = top; i <= bottom; i++)
        for (int j = left; j <= right; j++) {
            float x = (float)(j + 0.5 - p.x), y = (float)(i + 0.5 - p.y);
            float along = (x * dx + y * dy) * scale;
            along = along < 0 ? 0 : along > 1 ? 1 : along;
            x -= along * dx;
            y -= along * dy;
            float d = x * x + y * y, nearest = distance[i * SIDE + j];
            distance[i * SIDE + j] = d < nearest ? d : nearest;
        }
}

/* the cubic that passes b at t = 0 and c at t = 1 with slopes (c - a) / 2 and (d - b) / 2 */
static double spline(double a, double b, double c, double d, double t)
{
    return b + t / 2 * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)));
}

static void draw_curve(const point *p, int n, double reach, float *distance)
{
    int closed = p[0].x == p[n - 1].x && p[0].y == p[n - 1].y;
    for (int i = 0; i + 1 < n; i++) {
        point a = i > 0 ? p[i - 1] : closed ? p[n - 2] : p[0];
        point d = i + 2 < n ? p[i + 2] : closed ? p[1] : p[n - 1];
        point from = p[i];
        for (int k = 1; k <= PIECES; k++) {
            double t = (double)k / PIECES;
            point to = { spline(a.x, p[i].x, p[i + 1].x, d.x, t),
                         spline(a.y, p[i].y, p[i + 1].y, d.y, t) };
            draw_segment(from, to, reach, distance);
            from = to;
        }
    }
}

/* "50,4 80,20 ...", distorted; *text moves past it. Returns the number of points */
static int read_stroke(const char **text, const distortion *d, point *p)
{
    int n = 0;
    while (n < MAX_POINTS && **text >= '0' && **text <= '9') {
        char *end;
        double x = (double)strtol(*text, &end, 10), y = (double)strtol(end + 1, &end, 10);
        p[n++] = distort(d, (point){ x, y });
        *text = end + (*end == ' ');
    }
    return n;
}

static void draw_skeleton(const char *text, const distortion *d, double reach, float *distance)
{
    point p[MAX_POINTS];
    while (*text) {
        char kind = *text++;
        int n = read_stroke(&text, d, p);
        if (kind == 'c')
            draw_curve(p, n, reach, distance);
        else
            for (int i = 0; i + 1 < n; i++)
                draw_segment(p[i], p[i + 1], reach, distance);
    }
}

/* distances become ink, with noise: one draw serves four pixels */
static void develop(const pen *with, uint64_t *state, float *pixels)
{
    float edge = (float)(0.5 + with->radius / with->softness), slope = (float)(1 / with->softness);
    float ink = (float)with->ink, noise = (float)(with->noise / 32768);
    uint64_t draw = 0;
    for (int i = 0; i < PIXELS; i++, draw >>= 16) {
        if (i % 4 == 0)
            draw = next(state);
        float step = edge - slope * sqrtf(pixels[i]);
        step = step < 0 ? 0 : step > 1 ? 1 : step;
        float v = ink * step * step * (3 - 2 * step) + noise * ((float)(draw & 0xffff) - 32768);
        pixels[i] = v < 0 ? 0 : v > 1 ? 1 : v;
    }
}

void draw_digit(uint64_t seed, int64_t i, float *pixels)
{
    uint64_t state = seed;
    state = next(&state) ^ (uint64_t)i * 0xd1342543de82ef95u;
    const char *skeleton = skeletons[i % CLASSES][next(&state) % VARIANTS];
    distortion d = random_distortion(&state);
    pen p = { .radius = uniform(&state, 0.7, 1.9), .softness = uniform(&state, 1.0, 2.2),
              .ink = uniform(&state, 0.75, 1.0), .noise = uniform(&state, 0, 0.3) };
    for (int k = 0; k < PIXELS; k++)
        pixels[k] = SIDE * SIDE;
    draw_skeleton(skeleton, &d, p.radius + p.softness, pixels);
    develop(&p, &state, pixels);
}
