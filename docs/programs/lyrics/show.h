/* What the report of lyrics shows: verses, and text with colors. */
#ifndef SHOW_H
#define SHOW_H
#include "counts.h"
#include "text.h"

enum { MOMENTS = 16, SHOWN = 4, WARMTHS = 3, ASIDE = 32, VERSE = 320, LINES = 10, LENGTH = 1000 };
enum { SEEN = 2000, FROM = 300, PART = 700 }; /* held-out characters: read, not shown, shown */
static const double warmths[WARMTHS] = { 0.5, 0.8, 1 }; /* temperatures of what it writes */
static const int shown[SHOWN] = { 0, 1, 5, MOMENTS };   /* moments */
static int verses[MOMENTS + 1][WARMTHS][VERSE], lines[LINES][LENGTH]; /* lines: at the end, of 1 */
static const double hot[LINES] = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 };

/* characters on the page, each behind a color: shade 1 is orange, -1 is blue */
static inline void show_shaded(program *p, const int *from, int n, const double *shade)
{
    FILE *page = report_html(p, "card");
    if (!page)
        return;
    fputs("<div style=\"font-family: monospace; line-height: 1.7\">", page);
    for (int i = 0; i < n; i++) {
        double s = shade[i] < -1 ? -1 : shade[i] > 1 ? 1 : shade[i];
        fprintf(page, "<span style=\"background: rgba(%s,%.2f)\">", s < 0 ? "60,130,230" :
                "235,110,40", 0.8 * (s < 0 ? -s : s));
        escape(page, *names[from[i]] == '\n' ? "\u21b5" : names[from[i]]);
        fprintf(page, "</span>%s", *names[from[i]] == '\n' ? "<br>" : "");
    }
    fputs("</div>", page);
}

/* characters as lines of verse, under a title */
static inline void show_verse(FILE *page, const char *title, const int *from)
{
    fprintf(page, "<div class=\"card\"><b>%s</b><div style=\"white-space: pre-wrap; margin-top: "
            "8px; overflow-wrap: anywhere; font-family: Palatino, Georgia, serif\">", title);
    for (int i = 0; i < VERSE; i++)
        escape(page, names[from[i]]);
    fputs("</div></div>", page);
}

/* the unit whose value says most about its value 5 characters before; *r: their correlation */
static inline int slowest_unit(const double *units, int count, int n, double *r)
{
    enum { BACK = 5 };
    int best = 0;
    *r = 0;
    for (int u = 0; u < count; u++) {
        double x = 0, y = 0, xx = 0, yy = 0, xy = 0, m = n - BACK;
        for (int i = 0; i < n - BACK; i++) {
            double then = units[i * count + u], now = units[(i + BACK) * count + u];
            x += then, y += now, xx += then * then, yy += now * now, xy += then * now;
        }
        double here = (m * xy - x * y) / sqrt((m * xx - x * x) * (m * yy - y * y) + 1e-30);
        if (here > *r)
            best = u, *r = here;
    }
    return best;
}

/* a piece of held-out text, colored by how it surprises the network (bits), and by what the
   slowest unit says */
static inline void show_reading(program *p, const int *from, const double *surprise,
                                const double *units, int count)
{
    double r, bits[PART], shade[PART];
    int unit = slowest_unit(units, count, SEEN, &r);
    for (int i = 0; i < PART; i++) {
        bits[i] = surprise[FROM + i] / 8;
        shade[i] = units[(FROM + i) * count + unit];
    }
    report_heading(p, "Held-out text, as the network reads it");
    report_text(p, "The darker a character, the more it surprised the network: 0 to 8 bits.");
    show_shaded(p, from + FROM + 1, PART, bits);
    report_text(p, "The same text by what one of the %d units, number %d, says: -1 is blue, 1 is "
                "orange. It is the one that remembers best: what it says correlates most with what "
                "it said 5 characters before (%.2f).", count, unit, r);
    show_shaded(p, from + FROM, PART, shade);
}

/* curves of bits per character, against the counts' */
static inline void show_curve(program *p, const double *passes, const double *bits)
{
    static double ends[2], flat[ORDERS][2];
    chart c = { .title = "Bits per held-out character, by passes over the text", .last = true,
                .y_low = floor(2 * fmin(counted[5], bits[MOMENTS])) / 2,
                .y_high = ceil(2 * counted[1]) / 2,
                .cover = true, .size = FULL,
                .series = { { "the network", passes, bits, MOMENTS + 1, LINE_AND_DOTS, BLUE } } };
    ends[1] = passes[MOMENTS];
    for (int k = 1, i = 1; k < ORDERS; k += k == 3 ? 2 : 1, i++) {
        flat[k][0] = flat[k][1] = counted[k];
        c.series[i] = (series){ program_words(p, "counts behind %d", k), ends, flat[k], 2, DASHED,
                                i + 1 };
    }
    report_chart(p, &c);
}

/* what packers make of the held-out text alone, and of it behind the other */
static inline void show_packer(program *p, const char *command, int64_t learn)
{
    double n = (double)(length - learn) / 8, alone = bytes_after(command, learn, length);
    double before = bytes_after(command, 0, learn), all = bytes_after(command, 0, length);
    if (before > 0) {
        report_row(p, "%s, the held-out text alone|%.3f", command, alone / n);
        report_row(p, "%s, the held-out text behind the other|%.3f", command, (all - before) / n);
        program_say(p, "%s: %.3f bits, behind the other text %.3f", command, alone / n,
                    (all - before) / n);
    }
}

static inline void show_figures(program *p, const double *passes, const double *bits, int64_t learn)
{
    report_fact(p, "The network", program_words(p, "%.3f", bits[MOMENTS]),
                program_words(p, "bits per held-out character after %.1f passes", passes[MOMENTS]));
    report_fact(p, "Counts behind 5 characters", program_words(p, "%.3f", counted[5]),
                program_words(p, "bits; behind 3 characters %.3f", counted[3]));
    report_heading(p, "Against counts and packers");
    show_curve(p, passes, bits);
    report_row(p, "told by|bits per held-out character");
    report_row(p, "%d characters, all as likely|%.3f", kinds, log2(kinds));
    for (int k = 0; k < ORDERS; k++)
        report_row(p, "counts behind %d characters|%.3f", k, counted[k]);
    if (!p->tiny)
        show_packer(p, "bzip2 -9", learn), show_packer(p, "xz -9e", learn);
    report_row(p, "the network after %.1f passes|%.3f", passes[5], bits[5]);
    report_row(p, "the network after %.1f passes|%.3f", passes[MOMENTS], bits[MOMENTS]);
}

static inline void show_verses(program *p, const double *passes)
{
    report_heading(p, "What it writes as it learns");
    report_text(p, "Characters are drawn one after the other. The lower the temperature, the more "
                "often the likeliest one.");
    for (int i = 0; i < SHOWN; i++) {
        FILE *page = report_html(p, "squares");
        for (int k = 0; page && k < WARMTHS; k++)
            show_verse(page, program_words(p, "%.1f passes, temperature %.1f", passes[shown[i]],
                                           warmths[k]), verses[shown[i]][k]);
    }
}

/* the share of runs of what it writes that are in the text it learned from */
static inline double show_copied(program *p, int64_t learn)
{
    double copied = 0;
    for (int i = 0; i < LINES; i++)
        copied += share_copied(&runs, lines[i], LENGTH) / LINES;
    double held = share_copied(&runs, text + learn, length - learn);
    report_fact(p, "Copied", program_words(p, "%.1f %%", 100 * copied), program_words(p, "of its "
                "runs of %d characters; %.1f %% of those of the held-out text", RUN, 100 * held));
    report_text(p, "Of %d characters written at temperature 1, %.1f %% of the runs of %d are in "
                "the text that it learned from. Of the held-out text, which others wrote, %.1f %% "
                "are.", LINES * LENGTH, 100 * copied, RUN, 100 * held);
    return copied;
}
#endif
