#include "report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "chart.h"
#include "pictures.h"
#include "style.h"

enum { SAMPLES = 3 * COLUMNS };

/* -- The file */
bool report_prepare(const char *folder, char *path, size_t bytes)
{
    if ((size_t)snprintf(path, bytes, "%s/report.html", folder) >= bytes) {
        errno = ENAMETOOLONG;
        return false;
    }
    if (mkdir(folder, 0777) != 0 && errno != EEXIST)
        return false;
    FILE *page = fopen(path, "a"); /* what is there stays until there is something better */
    if (!page)
        return false;
    bool empty = fseek(page, 0, SEEK_END) == 0 && ftell(page) == 0;
    fclose(page);
    if (empty)
        remove(path);
    return true;
}

/* text as HTML */
static void escape(FILE *out, const char *text)
{
    for (; *text; text++)
        switch (*text) {
        case '&': fputs("&amp;", out); break;
        case '<': fputs("&lt;", out); break;
        case '>': fputs("&gt;", out); break;
        case '"': fputs("&quot;", out); break;
        default: fputc(*text, out);
        }
}

/* -- The head */
static void write_style(FILE *out)
{
    fputs("<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<title>Digits, learned with Cotangent</title>\n<style>\n", out);
    for (size_t i = 0; i < sizeof style / sizeof *style; i++)
        fprintf(out, "%s\n", style[i]);
    fputs("</style>\n<main>\n", out);
}

static void write_sizes(FILE *out, const options *o)
{
    fprintf(out, "%d", PIXELS);
    for (int i = 0; i < o->hidden_count; i++)
        fprintf(out, "–%lld", (long long)o->hidden[i]);
    fprintf(out, "–%d", CLASSES);
}

/* 101770 as 101,770 */
static const char *grouped(char *text, int64_t n)
{
    char *at = text;
    for (int64_t unit = n < 1000 ? 1 : n < 1000000 ? 1000 : 1000000; unit > 0; unit /= 1000)
        at += sprintf(at, at == text ? "%lld" : ",%03lld", (long long)(n / unit % 1000));
    return text;
}

static void fact(FILE *out, const char *name, const char *class, const char *value)
{
    fprintf(out, "<div><dt>%s</dt><dd class=\"%s\">%s</dd>", name, class, value);
}

static void write_facts(FILE *out, const report *r)
{
    const mistakes *m = r->mistakes;
    const check *c = r->check;
    double seconds = 0;
    char text[64];
    for (int i = 0; i < r->history->count; i++)
        seconds += r->history->epochs[i].seconds;
    fputs("<dl class=\"facts\">\n", out);
    snprintf(text, sizeof text, "%.2f %%", 100.0 * (double)m->count / (double)m->images);
    fact(out, "Test error", "", text);
    fprintf(out, "<dd>%lld of %s images misread</dd></div>\n", (long long)m->count,
            grouped(text, m->images));
    fact(out, "Gradient check", c->passed ? "pass" : "wrong", c->passed ? "pass" : "fail");
    fprintf(out, "<dd>%lld entries of %d tensors; worst error %.1e against a bar of %.1e; "
            "%lld on kinks</dd></div>\n", (long long)c->compared, c->tensors, c->error, c->bar,
            (long long)c->kinks);
    snprintf(text, sizeof text, "%.1f s", seconds);
    fact(out, "Training", "", text);
    fprintf(out, "<dd>%.2f s per epoch</dd></div>\n", seconds / r->history->count);
    fact(out, "Parameters", "", grouped(text, ct_module_count(r->net)));
    fputs("<dd>", out);
    write_sizes(out, r->options);
    fputs("</dd></div>\n</dl>\n", out);
}

static void write_head(FILE *out, const report *r)
{
    const images *test = &r->data->test;
    int64_t n = ct_size(test->x, 0) < SAMPLES ? ct_size(test->x, 0) : SAMPLES;
    char learned[32], tested[32];
    fputs("<header><h1>Learning to read digits</h1>\n<p class=\"lead\">A network of ", out);
    write_sizes(out, r->options);
    fprintf(out, " units learned from %s images and was tested on %s others, which it had "
            "never seen. Here are some of those, what it learned, and where it fails.</p>"
            "</header>\n<img class=\"wide ink\" alt=\"The first test images\" src=\"",
            grouped(learned, ct_size(r->data->train.x, 0)), grouped(tested, ct_size(test->x, 0)));
    picture_digits(out, ct_data_f32(test->x), n);
    fputs("\">\n", out);
    write_facts(out, r);
}

/* -- The curves */
static void write_loss(FILE *out, const history *h)
{
    enum { POINTS = 1000 * STRETCHES };
    static double x[POINTS], y[POINTS];
    int n = 0;
    for (int i = 0; i < h->count * STRETCHES; i++) {
        const epoch *e = &h->epochs[i / STRETCHES];
        if (e->steps[i % STRETCHES] == 0)
            continue;
        x[n] = (i + 1) / (double)STRETCHES;
        y[n++] = e->sum[i % STRETCHES] / e->steps[i % STRETCHES];
    }
    chart_write(out, &(chart){ .title = "Loss while training (log scale)",
                               .unit = "", .style = "loss", .x = x, .y = y, .n = n,
                               .x_max = h->count, .logarithmic = true });
}

static void write_error(FILE *out, const history *h)
{
    static double x[1000], y[1000];
    for (int i = 0; i < h->count; i++) {
        x[i] = i + 1;
        y[i] = 100 * h->epochs[i].error;
    }
    chart_write(out, &(chart){ .title = "Test error after each epoch", .unit = " %",
                               .style = "error", .x = x, .y = y, .n = h->count,
                               .x_max = h->count, .dots = true });
}

static void write_curves(FILE *out, const report *r)
{
    fprintf(out, "<h2>How it learned</h2>\n<p>Left, the cross-entropy of the training images: each "
            "point is the mean of a %dth of an epoch, each batch measured before the step that it "
            "causes. Right, the share of the test images that are misread.%s</p>\n"
            "<div class=\"charts\">\n", STRETCHES,
            r->history->interrupted ? " Training was ended early by Ctrl-C." : "");
    write_loss(out, r->history);
    write_error(out, r->history);
    fputs("</div>\n", out);
}

/* -- The weights and the mistakes */
static void write_weights(FILE *out, const report *r)
{
    ct_tensor *w = ct_module_parameter(r->net, "0.weight");
    const float *weights = ct_data_f32(w);
    if (!weights)
        return;
    fputs("<h2>What the first layer looks at</h2>\n<p>One picture per unit: its weights, laid out "
          "as the pixels they belong to; those with the largest weights first. Ink where a picture "
          "is orange excites the unit, ink where it is blue silences it; pale pixels do not matter "
          "to it.</p>\n<div class=\"card\"><img alt=\"The weights of the first layer as images\" "
          "src=\"", out);
    int64_t shown = picture_weights(out, weights, ct_size(w, 0));
    fprintf(out, "\"><div class=\"legend\">against <i></i> for<span>%lld of %lld units, each on "
            "its own scale</span></div></div>\n", (long long)shown, (long long)ct_size(w, 0));
}

static void write_mistake(FILE *out, const mistake *m, const float *pixels)
{
    double percent = 100 * m->confidence;
    fprintf(out, "<figure class=\"mistake\"><img class=\"ink\" alt=\"A %d that was read as %d\" "
            "src=\"", m->label, m->guess);
    picture_digit(out, pixels);
    fprintf(out, "\"><figcaption><b>%d</b> read as <b class=\"wrong\">%d</b><br>%.1f %% sure"
            "<div class=\"bar\"><i style=\"width:%.1f%%\"></i></div></figcaption></figure>\n",
            m->label, m->guess, percent, percent);
}

static void write_mistakes(FILE *out, const report *r)
{
    const mistakes *m = r->mistakes;
    const float *pixels = ct_data_f32(r->data->test.x);
    int64_t n = m->count < WORST ? m->count : WORST;
    fputs("<h2>The worst mistakes</h2>\n", out);
    fputs(n > 0 ? "<p>The misread images of which the network was surest: the digit that is meant, "
                  "what it was read as, and the probability that the network gave its answer.</p>\n"
                : "<p>There are none: every test image was read right.</p>\n", out);
    fputs("<div class=\"mistakes\">\n", out);
    for (int64_t i = 0; i < n; i++)
        write_mistake(out, &m->worst[i], pixels + m->worst[i].image * PIXELS);
    fputs("</div>\n", out);
}

/* -- The settings */
static void write_settings(FILE *out, const report *r)
{
    const options *o = r->options;
    const check *c = r->check;
    fputs("<h2>How to do it again</h2>\n<table>\n<tr><th>images</th><td>", out);
    escape(out, r->data->source);
    fprintf(out, ": %lld to learn from, %lld to be tested on</td></tr>\n<tr><th>layers</th><td>",
            (long long)ct_size(r->data->train.x, 0), (long long)ct_size(r->data->test.x, 0));
    write_sizes(out, o);
    fprintf(out, ", %s between them</td></tr>\n<tr><th>optimizer</th><td>%s, rate %g</td></tr>\n"
            "<tr><th>batch</th><td>%d images</td></tr>\n<tr><th>epochs</th><td>%d of %d</td></tr>\n"
            "<tr><th>seed</th><td>%d</td></tr>\n", o->activation_text, o->algorithm_text, o->rate,
            o->batch, r->history->count, o->epochs, o->seed);
    fprintf(out, "<tr><th>gradient check</th><td class=\"%s\">%s: the gradient of the loss of %d "
            "images in double precision, by each of %d tensors, agrees with central differences"
            "</td></tr>\n<tr><th>library</th><td>Cotangent %s</td></tr>\n</table>\n",
            c->passed ? "pass" : "wrong", c->passed ? "pass" : "fail", c->images, c->tensors,
            ct_version());
}

bool report_write(const report *r, const char *path)
{
    FILE *out = fopen(path, "w");
    if (!out)
        return false;
    write_style(out);
    write_head(out, r);
    write_curves(out, r);
    write_weights(out, r);
    write_mistakes(out, r);
    write_settings(out, r);
    fputs("</main>\n</html>\n", out);
    bool written = !ferror(out);
    return fclose(out) == 0 && written;
}
