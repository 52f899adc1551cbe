/* The progress of a run on a terminal, a bar that is written over, or as a line for each epoch. */
#include <math.h>
#include <time.h>
#include <unistd.h>

#include "state.h"

static double seconds(void)
{
    struct timespec now = { 0, 0 };
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* "1:02:03" or "2:03" */
static void put_time(ct__page *page, double left)
{
    long long s = left < 1e9 ? (long long)ceil(left) : 999999999;
    if (s >= 3600)
        ct__put(page, "%lld:%02lld:%02lld", s / 3600, s / 60 % 60, s % 60);
    else
        ct__put(page, "%lld:%02lld", s / 60, s % 60);
}

static void put_bar(ct__page *page, const ct_fit_report *r)
{
    enum { WIDTH = 20 };
    double share = r->batches > 0 ? (double)r->batch / (double)r->batches : 0;
    int full = (int)(fmin(fmax(share, 0), 1) * WIDTH);
    ct__put(page, " [");
    for (int i = 0; i < WIDTH; i++)
        ct__put(page, "%c", i < full ? '=' : ' ');
    ct__put(page, "]");
}

const char *ct_fit_text(const ct_fit_report *report, char room[CT_FIT_TEXT])
{
    const ct_fit_report *r = report;
    if (!r || !room)
        return "(null)";
    ct__page page = { room, CT_FIT_TEXT, 0 };
    ct__put(&page, "epoch %lld/%lld", (long long)(r->epoch + !r->epoch_ended),
            (long long)r->epochs);
    if (!r->epoch_ended)
        put_bar(&page, r);
    ct__put(&page, " loss %.4g", r->loss);
    if (!isnan(r->metric))
        ct__put(&page, " metric %.4g%s", r->metric, r->best ? " (best)" : "");
    ct__put(&page, " rate %.3g", r->rate);
    if (!isnan(r->examples_per_second))
        ct__put(&page, " %.0f/s", r->examples_per_second);
    if (!isnan(r->seconds_left)) {
        ct__put(&page, " left ");
        put_time(&page, r->seconds_left);
    }
    return room;
}

void ct__progress_begin(ct__progress *p, FILE *file)
{
    *p = (ct__progress){ .file = file, .begun = seconds() };
    int descriptor = file ? fileno(file) : -1; /* a file in memory has none */
    p->terminal = descriptor >= 0 && isatty(descriptor);
}

/* the batches that are left take as long as those of this call */
static void measure(const ct__progress *p, double now, ct_fit_report *r)
{
    double taken = now - p->begun;
    double left = (double)(r->epochs - r->epoch) * (double)r->batches -
                  (r->epoch_ended ? 0 : (double)r->batch);
    r->examples_per_second = taken > 0 ? (double)p->examples / taken : NAN;
    r->seconds_left = p->batches > 0 ? taken / (double)p->batches * left : NAN;
}

void ct__progress_show(ct__progress *p, ct_fit_report *report)
{
    double now = seconds();
    measure(p, now, report);
    bool due = report->epoch_ended || (p->terminal && now - p->last >= 0.1);
    if (!p->file || !due)
        return;
    char text[CT_FIT_TEXT];
    ct_fit_text(report, text);
    if (p->terminal)
        fprintf(p->file, "\r\033[K%s%s", text, report->epoch_ended ? "\n" : "");
    else
        fprintf(p->file, "%s\n", text);
    fflush(p->file);
    p->shown = p->terminal && !report->epoch_ended;
    p->last = now;
}

void ct__progress_end(ct__progress *p)
{
    if (p->shown)
        fprintf(p->file, "\n");
    p->shown = false;
}
