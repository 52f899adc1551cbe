#include "page.h"

#include <math.h>
#include <string.h>

enum { SAMPLES = 48, COLUMNS = 16, UNITS = 128 };

static const char *sizes(program *p, const options *o)
{
    const char *text = program_words(p, "%d", PIXELS);
    for (int i = 0; i < o->hidden_count; i++)
        text = program_words(p, "%s–%lld", text, (long long)o->hidden[i]);
    return program_words(p, "%s–%d", text, CLASSES);
}

/* 101770 as 101,770 */
static const char *grouped(program *p, int64_t n)
{
    return n < 1000 ? program_words(p, "%lld", (long long)n)
                    : program_words(p, "%s,%03lld", grouped(p, n / 1000), (long long)(n % 1000));
}

static void facts(program *p, const found *f)
{
    const mistakes *m = f->mistakes;
    const check *c = &p->check;
    double seconds = 0;
    for (int i = 0; i < f->history->count; i++)
        seconds += f->history->epochs[i].seconds;
    report_fact(p, "Test error",
                program_words(p, "%.2f %%", 100.0 * (double)m->count / (double)m->images),
                program_words(p, "%lld of %s images misread", (long long)m->count,
                              grouped(p, m->images)));
    report_fact(p, "Gradient check", c->passed ? "pass" : "fail",
                program_words(p, "%lld entries of %d tensors; worst error %.1e against a bar of "
                              "%.1e; %lld on kinks", (long long)c->compared, c->tensors, c->error,
                              c->bar, (long long)c->kinks));
    report_fact(p, "Training", program_words(p, "%.1f s", seconds),
                program_words(p, "%.2f s per epoch", seconds / f->history->count));
    report_fact(p, "Parameters", grouped(p, ct_module_count(f->net)), sizes(p, f->options));
}

static void head(program *p, const found *f)
{
    const images *test = &f->data->test;
    int64_t n = ct_size(test->x, 0) < SAMPLES ? ct_size(test->x, 0) : SAMPLES;
    report_text(p, "A network of %s units learned from %s images and was tested on %s others, "
                "which it had never seen. Here are some of those, what it learned, and where it "
                "fails.",
                sizes(p, f->options), grouped(p, ct_size(f->data->train.x, 0)),
                grouped(p, ct_size(test->x, 0)));
    FILE *page = report_html(p, "hero");
    if (!page)
        return;
    fputs("<figure class=\"cover\"><img class=\"ink\" alt=\"The first test images\" src=\"", page);
    image_write(page, &(image){ .values = ct_data_f32(test->x), .width = SIDE, .height = SIDE,
                                .count = (int)n, .columns = COLUMNS });
    fputs("\"></figure>\n", page);
}

/* -- The curves */
static void curves(program *p, const history *h)
{
    enum { EPOCHS = 1000 };
    static double x[EPOCHS * STRETCHES], loss[EPOCHS * STRETCHES], number[EPOCHS], error[EPOCHS];
    int n = 0;
    for (int i = 0; i < h->count * STRETCHES; i++) {
        const epoch *e = &h->epochs[i / STRETCHES];
        if (e->steps[i % STRETCHES] == 0)
            continue;
        x[n] = (i + 1) / (double)STRETCHES;
        loss[n++] = e->sum[i % STRETCHES] / e->steps[i % STRETCHES];
    }
    for (int i = 0; i < h->count; i++)
        number[i] = i + 1, error[i] = 100 * h->epochs[i].error;
    report_heading(p, "How it learned");
    report_text(p, "Left, the cross-entropy of the training images: each point is the mean of a "
                "%dth of an epoch, each batch measured before the step that it causes. Right, the "
                "share of the test images that are misread.%s", STRETCHES,
                p->stopped ? " Training was ended early by Ctrl-C." : "");
    report_chart(p, &(chart){ .title = "Loss while training (log scale)", .x_name = "epoch",
                              .y_log = 10, .x_high = h->count, .whole = true,
                              .last = true,
                              .series = { { NULL, x, loss, n, LINE, BLUE } } });
    report_chart(p, &(chart){ .title = "Test error after each epoch", .x_name = "epoch",
                              .unit = " %", .x_high = h->count, .whole = true,
                              .last = true,
                              .series = { { NULL, number, error, h->count, LINE_AND_DOTS,
                                            ORANGE } } });
}

/* -- The weights: those of the units with the largest ones, in order */
static double norm_of(const float *w)
{
    double sum = 0;
    for (int i = 0; i < PIXELS; i++)
        sum += (double)w[i] * (double)w[i];
    return sqrt(sum);
}

static int64_t strongest(const float *w, int64_t n, float *chosen)
{
    double norms[UNITS];
    int64_t rows[UNITS], count = 0;
    for (int64_t i = 0; i < n; i++) {
        double norm = norm_of(w + i * PIXELS);
        int64_t at = count < UNITS ? count++ : count - 1;
        if (i >= UNITS && norm <= norms[at])
            continue;
        for (; at > 0 && norms[at - 1] < norm; at--)
            norms[at] = norms[at - 1], rows[at] = rows[at - 1];
        norms[at] = norm, rows[at] = i;
    }
    for (int64_t i = 0; i < count; i++)
        memcpy(chosen + i * PIXELS, w + rows[i] * PIXELS, PIXELS * sizeof *w);
    return count;
}

static void weights(program *p, ct_module *net)
{
    static float chosen[UNITS * PIXELS];
    ct_tensor *w = ct_module_parameter(net, "0.weight");
    int64_t count = ct_data_f32(w) ? strongest(ct_data_f32(w), ct_size(w, 0), chosen) : 0;
    report_heading(p, "What the first layer looks at");
    report_text(p, "One picture per unit: its weights, laid out as the pixels they belong to; "
                "those with the largest weights first. Ink where a picture is orange excites the "
                "unit, ink where it is blue silences it; pale pixels do not matter to it.");
    FILE *page = report_html(p, "card");
    if (!page || count == 0)
        return;
    fputs("<img alt=\"The weights of the first layer as images\" src=\"", page);
    image_write(page, &(image){ .values = chosen, .width = SIDE, .height = SIDE, .each = true,
                                .count = (int)count, .columns = COLUMNS, .palette = SIGNED });
    fprintf(page, "\"><div class=\"legend\">against <i></i> for<span>%lld of %lld units, each on "
            "its own scale</span></div>\n", (long long)count, (long long)ct_size(w, 0));
}

/* -- The mistakes */
static void write_mistake(FILE *page, const mistake *m, const float *pixels)
{
    double percent = 100 * m->confidence;
    fprintf(page, "<figure class=\"mistake\"><img class=\"ink\" alt=\"A %d that was read as %d\" "
            "src=\"", m->label, m->guess);
    image_write(page, &(image){ .values = pixels, .width = SIDE, .height = SIDE });
    fprintf(page, "\"><figcaption><b>%d</b> read as <b class=\"wrong\">%d</b><br>%.1f %% sure"
            "<div class=\"bar\"><i style=\"width:%.1f%%\"></i></div></figcaption></figure>\n",
            m->label, m->guess, percent, percent);
}

static void worst(program *p, const mistakes *m, const float *pixels)
{
    int64_t n = m->count < WORST ? m->count : WORST;
    report_heading(p, "The worst mistakes");
    report_text(p, n > 0 ? "The misread images of which the network was surest: the digit that is "
                           "meant, what it was read as, and the probability that the network gave "
                           "its answer."
                         : "There are none: every test image was read right.");
    FILE *page = report_html(p, "mistakes");
    for (int64_t i = 0; page && i < n; i++)
        write_mistake(page, &m->worst[i], pixels + m->worst[i].image * PIXELS);
}

void page(program *p, const found *f)
{
    const options *o = f->options;
    head(p, f);
    facts(p, f);
    curves(p, f->history);
    weights(p, f->net);
    worst(p, f->mistakes, ct_data_f32(f->data->test.x));
    report_setting(p, "layers", "%s, %s between them", sizes(p, o), o->activation_text);
    report_setting(p, "optimizer", "%s, rate %g", o->algorithm_text, o->rate);
    report_setting(p, "batch", "%d images", o->batch);
    report_setting(p, "epochs", "%d of %d", f->history->count, o->epochs);
}
