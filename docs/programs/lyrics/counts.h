/* How often characters follow each other: count models, and what is copied. A gram is a run of
 * characters; a table of all grams of a text says how often each occurs. */
#ifndef COUNTS_H
#define COUNTS_H
#include "text.h"
#include <math.h>

enum { ORDERS = 6, RUN = 20 }; /* orders 0 to 5; the length of a copied run */
#define BOTH 0x5555555555555555u /* tells a context and a character from a context alone */

typedef struct gram {
    uint64_t key;               /* 0: this place is free */
    uint32_t count, kinds;      /* how often it occurs; how many characters have followed it */
} gram;
typedef struct grams {
    gram *at;
    uint64_t places, used;      /* places is a power of two, or 0 */
} grams;

/* the key of the gram `key` with one more character: two grams have the same one with a probability
   of about 2^-64 (the mixing function is that of SplitMix64) */
static inline uint64_t longer(uint64_t key, int c)
{
    key = (key + (uint64_t)c + 1) * 0x9e3779b97f4a7c15u;
    key = (key ^ key >> 30) * 0xbf58476d1ce4e5b9u;
    key = (key ^ key >> 27) * 0x94d049bb133111ebu;
    return (key ^ key >> 31) | 1;
}

static inline gram *place_of(const grams *g, uint64_t key)
{
    uint64_t i = key >> 1 & (g->places - 1);
    while (g->at[i].key && g->at[i].key != key)
        i = (i + 1) & (g->places - 1);
    return &g->at[i];
}

/* the gram of that key, which is added if it is not there; NULL without memory */
static inline gram *find(grams *g, uint64_t key)
{
    if (4 * g->used >= 3 * g->places) {
        grams more = { NULL, g->places ? 2 * g->places : 1 << 16, g->used };
        more.at = calloc(more.places, sizeof(gram));
        if (!more.at)
            return NULL;
        for (uint64_t i = 0; i < g->places; i++)
            if (g->at[i].key)
                *place_of(&more, g->at[i].key) = g->at[i];
        free(g->at);
        *g = more;
    }
    gram *found = place_of(g, key);
    g->used += !found->key;
    found->key = key;
    return found;
}

/* counts each character of a text behind the 0 to 5 characters before it; false: out of memory */
static inline bool count_text(grams *g, const int *from, int64_t n)
{
    for (int64_t i = ORDERS; i < n; i++) {
        uint64_t before = 0;
        for (int k = 0; k < ORDERS; before = longer(before, from[i - ++k])) {
            gram *both = find(g, longer(before ^ BOTH, from[i]));
            bool is_new = both && !both->count++;
            gram *context = find(g, before | 1);
            if (!both || !context)
                return false;
            context->count++;
            context->kinds += is_new;
        }
    }
    return true;
}

/* The bits per character of a text that was not counted, of the models of order 0 to 5. Witten and
   Bell (1991): with n characters counted behind h, of T kinds, and h' without its first character,
   p(c|h) = (n(c) + T p(c|h')) / (n + T); the last h' says 1 / kinds */
static inline void measure_counts(const grams *g, const int *from, int64_t n, double *bits)
{
    for (int k = 0; k < ORDERS; k++)
        bits[k] = 0;
    for (int64_t i = ORDERS; i < n; i++) {
        uint64_t before = 0;
        double p = 1.0 / kinds;
        for (int k = 0; k < ORDERS; before = longer(before, from[i - ++k])) {
            gram both = *place_of(g, longer(before ^ BOTH, from[i]));
            gram context = *place_of(g, before | 1);
            if (context.count)
                p = (both.count + context.kinds * p) / (context.count + context.kinds);
            bits[k] -= log2(p) / (double)(n - ORDERS);
        }
    }
}

static inline uint64_t key_of_run(const int *from)
{
    uint64_t key = 0;
    for (int i = 0; i < RUN; i++)
        key = longer(key, from[i]);
    return key;
}

/* all runs of 20 characters of a text */
static inline bool keep_runs(grams *g, const int *from, int64_t n)
{
    for (int64_t i = 0; i + RUN <= n; i++)
        if (!find(g, key_of_run(from + i)))
            return false;
    return true;
}

/* which share of the runs of another text is in the first one */
static inline double share_copied(const grams *g, const int *from, int64_t n)
{
    double copied = 0;
    for (int64_t i = 0; g->places && i + RUN <= n; i++)
        copied += place_of(g, key_of_run(from + i))->key != 0;
    return copied / (double)(n - RUN + 1);
}

static grams counts, runs;      /* of the text that is learned from */
static double counted[ORDERS];  /* bits per held-out character */

/* counts the text up to learn, and measures what that tells of the rest; false: out of memory */
static inline bool count(program *p, int64_t learn)
{
    if (!count_text(&counts, text, learn) || !keep_runs(&runs, text, learn)) {
        ct_fail(p->cx, CT_ERROR_MEMORY, "no memory for counts");
        return false;
    }
    measure_counts(&counts, text + learn, length - learn, counted);
    program_say(p, "bits per held-out character, by counts behind 1, 2, 3, 5 characters: %.3f, "
                "%.3f, %.3f, %.3f", counted[1], counted[2], counted[3], counted[5]);
    return true;
}

/* text from..to in bytes after `command`, or 0; it reads the text on its standard input */
static inline double bytes_after(const char *command, int64_t from, int64_t to)
{
    char line[128];
    long long bytes = 0;
    FILE *file = tmpfile(), *answer;
    for (int64_t i = from; file && i < to; i++)
        fputs(names[text[i]], file);
    if (file && fflush(file) == 0) {
        snprintf(line, sizeof line, "%s </dev/fd/%d 2>/dev/null | wc -c", command, fileno(file));
        if ((answer = popen(line, "r"))) {
            if (fscanf(answer, "%lld", &bytes) != 1)
                bytes = 0;
            pclose(answer);
        }
    }
    if (file)
        fclose(file);
    return (double)bytes;
}
#endif
