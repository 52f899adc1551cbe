/* The world of balance: a pole on a cart, whose place is x (m), and whose pole leans by an angle
 * (radians) to the right. It has fallen beyond 2.4 m or 12 degrees. */
#ifndef CART_H
#define CART_H
#include "program.h"
#include <math.h>
#include <string.h>

enum { STEPS = 500, EPISODES = 1500, MOST = 100, PLACE = 0, SPEED, ANGLE, TURNING, TIME, SEES };

/* the episodes played last: what was seen before each step, what was done (1: a push to the right,
   0: to the left), and how many steps were made */
static float seen[STEPS + 1][MOST][SEES], did[STEPS][MOST];
static int length[MOST];

static inline double uniform(ct_context *cx, double low, double high)
{
    return low + (high - low) * ldexp((double)(ct_random_u64(cx) >> 11), -53);
}

/* a fiftieth of a second, by Euler's step; false: it has fallen */
static inline bool push(const float *s, bool right, float *to)
{
    double sine = sin(s[ANGLE]), cosine = cos(s[ANGLE]), turning = s[TURNING];
    double m = ((right ? 10 : -10) + 0.05 * turning * turning * sine) / 1.1;
    double turn = (9.8 * sine - cosine * m) / (0.5 * (4.0 / 3 - 0.1 * cosine * cosine / 1.1));
    double change[] = { s[SPEED], m - 0.05 * turn * cosine / 1.1, turning, turn, 50.0 / STEPS };
    for (int i = 0; i < SEES; i++)
        to[i] = (float)(s[i] + 0.02 * change[i]);
    return fabs(to[PLACE]) <= 2.4 && fabs(to[ANGLE]) <= 12 * 3.14159265358979323846 / 180;
}

/* p[e]: how likely a push to the right is where s[e] is seen */
typedef void (*player)(ct_context *cx, const float (*s)[SEES], int n, double *p, void *user);

/* n episodes side by side; the mean of their lengths */
static inline double play(ct_context *cx, player choose, void *user, int n)
{
    double p[MOST] = { 0 }, sum = 0;
    for (int e = 0; e < n; e++, length[e - 1] = STEPS)
        for (int i = 0; i < SEES; i++)
            seen[0][e][i] = i == TIME ? 0 : (float)uniform(cx, -0.05, 0.05);
    for (int t = 0, playing = n; t < STEPS && playing; t++) {
        choose(cx, (const float (*)[SEES])seen[t], n, p, user);
        for (int e = 0; e < n; e++) {
            did[t][e] = uniform(cx, 0, 1) < p[e];
            if (!push(seen[t][e], did[t][e] > 0, seen[t + 1][e]) && length[e] > t + 1)
                length[e] = t + 1, playing--;
        }
    }
    for (int e = 0; e < n; e++)
        sum += length[e];
    return sum / n;
}

/* A player without a network: it pushes to the right where w . s > 0; where that is 0
   it tosses a coin */
static inline void by_weights(ct_context *cx, const float (*s)[SEES], int n, double *p,
                              void *weights)
{
    const double *w = weights;
    for (int e = 0; cx && e < n; e++) {
        double z = w[0] * s[e][0] + w[1] * s[e][1] + w[2] * s[e][2] + w[3] * s[e][3];
        p[e] = z > 0 ? 1 : z < 0 ? 0 : 0.5;
    }
}

/* Random weights until some reach 475 of 500 on average: the episodes that it took */
static inline int guess(ct_context *cx, double *w)
{
    for (int i = 1;; i++) {
        for (int j = 0; j < 4; j++)
            w[j] = uniform(cx, -1, 1);
        if (play(cx, by_weights, w, 1) < STEPS)
            continue;
        i += MOST;
        if (play(cx, by_weights, w, MOST) >= 475)
            return i;
    }
}

/* d of the episodes from .. to-1, step by step: what was seen, what was done, and the rewards from
   there on, where each step is worth 1 - discount */
static inline void all_steps(ct_context *cx, int from, int to, double discount, ct_tensor **d)
{
    static float s[STEPS * MOST][SEES], right[STEPS * MOST], after[STEPS * MOST];
    int n = 0;
    for (int e = from; e < to; n += length[e++])
        for (int t = length[e] - 1; t >= 0; t--) {
            double later = t + 1 < length[e] ? after[n + t + 1] : 0;
            memcpy(s[n + t], seen[t][e], sizeof *s);
            right[n + t] = did[t][e];
            after[n + t] = (float)(1 - discount + discount * later);
        }
    d[0] = ct_from_memory(cx, CT_F32, CT_SHAPE(n, SEES), s);
    d[1] = ct_from_memory(cx, CT_F32, CT_SHAPE(n, 1), right);
    d[2] = ct_from_memory(cx, CT_F32, CT_SHAPE(n, 1), after);
}

/* how a training went: the mean length of the last 100 episodes, and when it came to 475 (or 0) */
typedef struct record {
    int n, first;
    double sum[EPISODES + 1], mean[EPISODES], number[EPISODES];
} record;

static inline void remember(record *r, int episodes)
{
    for (int e = 0; e < episodes; e++, r->n++) {
        int n = r->n + 1, from = n < 100 ? 0 : n - 100;
        r->number[n - 1] = n;
        r->sum[n] = r->sum[n - 1] + length[e];
        r->mean[n - 1] = (r->sum[n] - r->sum[from]) / (n - from);
        r->first = !r->first && from == n - 100 && r->mean[n - 1] >= 475 ? n : r->first;
    }
}

static inline void draw_records(program *p, const char *title, const record *r, int n)
{
    chart c = { title, .x_name = "episodes", .y_low = 0, .y_high = 500,
                .caption = "Steps, mean of the last 100 episodes; each line is one training." };
    for (int i = 0; i < n && i < SERIES_MAX; i++)
        c.series[i] = (series){ NULL, r[i].number, r[i].mean, r[i].n, LINE, 0 };
    report_chart(p, &c);
}

/* the episode e as a picture that moves, over and over */
static inline void draw(program *p, int e, const char *caption)
{
    static const char *const moves[] = { "translate", "rotate" };
    FILE *page = report_html(p, "full");
    if (!page)
        return;
    fputs("<figure class=\"card\"><svg viewBox=\"-2.7 -1.2 5.4 1.5\" fill=\"none\"><path "
          "d=\"M-2.4,.1V-.1M-2.4,0H2.4M2.4,.1V-.1\" stroke=\"var(--c11)\" "
          "stroke-width=\".02\"/><g>", page);
    for (int i = 0; i < 2; i++) {
        fprintf(page, "<animateTransform attributeName=\"transform\" type=\"%s\" dur=\"%.1fs\" "
                "repeatCount=\"indefinite\" values=\"", moves[i], 0.02 * length[e]);
        for (int t = 0; t <= length[e]; t++)
            fprintf(page, "%s%.3f", t ? ";" : "", i ? seen[t][e][ANGLE] * 57.29578 : seen[t][e][0]);
        fputs(i ? "\"/><path d=\"M0,-.1V-1.1\" stroke=\"var(--c2)\" stroke-width=\".07\" "
              "stroke-linecap=\"round\"/></g></g></svg>"
                : "\"/><rect x=\"-.25\" y=\"-.2\" width=\".5\" height=\".2\" rx=\".04\" "
              "fill=\"var(--c1)\"/><g>", page);
    }
    fputs("<figcaption>", page);
    escape(page, caption);
    fprintf(page, " %d steps, %.1f seconds.</figcaption></figure>\n", length[e], 0.02 * length[e]);
}

/* what the player does in the middle of the track */
static inline void draw_map(program *p, player choose, void *user, const char *title)
{
    enum { EDGE = 61 };
    static float s[EDGE * EDGE][SEES], map[EDGE * EDGE];
    static double right[EDGE * EDGE];
    for (int i = 0; i < EDGE * EDGE; i++)
        s[i][ANGLE] = 0.007f * (float)(i % EDGE - 30),
        s[i][TURNING] = 0.067f * (float)(30 - i / EDGE);
    choose(p->cx, (const float (*)[SEES])s, EDGE * EDGE, right, user);
    for (int i = 0; i < EDGE * EDGE; i++)
        map[i] = (float)right[i];
    image behind = { .values = map, .width = EDGE, .height = EDGE, .palette = SIGNED, .high = 1 };
    report_chart(p, &(chart){ title, .x_name = "angle, in radians", .y_name = "its speed",
                 .x_low = -0.21, .x_high = 0.21, .y_low = -2, .y_high = 2, .behind = &behind,
                 .cover = true });
}

#endif
