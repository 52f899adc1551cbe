/* pages FOLDER: writes the pages of five graphs, NAME.html, and what ct_grad and the tensors say
 * about every named vertex, NAME.json, with which site.mjs compares the page. */
#include <cotangent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAMES = 64 };
static ct_context *cx;
static ct_tensor *named[NAMES];
static int count;

static ct_tensor *name(ct_tensor *x, const char *text)
{
    if (count < NAMES)
        named[count++] = ct_named(x, text);
    return x;
}

static ct_tensor *number(double value, const char *text)
{
    return name(ct_variable(ct_scalar(cx, CT_F64, value)), text);
}

/* -- The graphs */
/* Two ways lead from x to y. */
static ct_tensor *diamond(void)
{
    ct_tensor *x = number(2, "x");
    ct_tensor *a = name(ct_square(x), "a"), *b = name(ct_scale(x, 3), "b");
    return name(ct_mul(a, b), "y");
}

/* a network of two layers and its loss, in a step of training */
static ct_tensor *mlp(void)
{
    ct_module *net = ct_mlp_new(cx, CT_F32, CT_SIZES(4, 8, 3), CT_TANH, NULL);
    int n;
    ct_tensor *const *parameters = ct_module_parameters(net, &n);
    for (int i = 0; i < n; i++)
        named[count++] = parameters[i];
    ct_tensor *x = name(ct_randn(cx, CT_F32, CT_SHAPE(16, 4)), "x");
    ct_tensor *labels = ct_randint(cx, 0, 3, CT_SHAPE(16));
    ct_tensor *logits = name(ct_module_forward(net, x), "logits");
    return name(ct_cross_entropy(logits, labels), "loss");
}

/* One step of an LSTM, in operators: i, f, o = sigmoid, u = tanh of x W + h U + b;
   c = f c + i u, h = o tanh c */
static void lstm_step(const char *step, ct_tensor *const *p, ct_tensor *x, ct_tensor **h,
                      ct_tensor **c)
{
    char text[40];
    ct_tensor *gate[4];
    ct_tensor *all = ct_add(ct_add(ct_matmul(x, p[0]), ct_matmul(*h, p[1])), p[2]);
    for (int k = 0; k < 4; k++)
        gate[k] = ct_slice(all, 1, 5 * k, 5 * k + 5, 1);
    *c = ct_add(ct_mul(ct_sigmoid(gate[1]), *c), ct_mul(ct_sigmoid(gate[0]), ct_tanh(gate[3])));
    snprintf(text, sizeof text, "%s.c", step);
    name(*c, text);
    *h = ct_mul(ct_sigmoid(gate[2]), ct_tanh(*c));
    snprintf(text, sizeof text, "%s.h", step);
    name(*h, text);
}

static ct_tensor *lstm(void)
{
    enum { STEPS = 12 };
    ct_tensor *p[] = { name(ct_variable(ct_randn(cx, CT_F64, CT_SHAPE(3, 20))), "W"),
                       name(ct_variable(ct_randn(cx, CT_F64, CT_SHAPE(5, 20))), "U"),
                       name(ct_variable(ct_zeros(cx, CT_F64, CT_SHAPE(20))), "b") };
    ct_tensor *h = ct_zeros(cx, CT_F64, CT_SHAPE(1, 5)), *c = h;
    for (int t = 1; t <= STEPS; t++) {
        char step[20];
        snprintf(step, sizeof step, "time %d", t);
        lstm_step(step, p, ct_randn(cx, CT_F64, CT_SHAPE(1, 3)), &h, &c);
    }
    return name(ct_mean(ct_square(h)), "loss");
}

/* 5,000 operators: x becomes x + sin(x) / 1000 again and again */
static ct_tensor *large(void)
{
    ct_tensor *x = name(ct_variable(ct_linspace(cx, CT_F64, -1, 1, 4)), "x"), *y = x;
    for (int i = 0; i < 1666; i++)
        y = ct_add(y, ct_scale(ct_sin(y), 0.001));
    return name(ct_mean(ct_square(y)), "y");
}

/* what is to stand out: a NaN from log, cotangents that vanish and explode, and any text as name */
static ct_tensor *broken(void)
{
    ct_tensor *x = name(ct_variable(ct_from_doubles(cx, CT_F64, CT_SHAPE(3),
                                                    CT_DOUBLES(1, 0.5, -0.25))), "<b>x</b> & \"y\"");
    ct_tensor *small = number(3, "small");
    ct_tensor *large_one = number(2e-7, "large");
    ct_tensor *logs = name(ct_log(x), "logs");
    ct_tensor *tiny = ct_scale(ct_sigmoid(ct_scale(small, 10)), 1);
    return name(ct_add(ct_sum(logs), ct_add(tiny, ct_log(large_one))), "result");
}

/* -- What C says */
static void write_numbers(FILE *out, const ct_tensor *t)
{
    double values[4096];
    int64_t n = ct_count(t);
    if (n > 4096 || ct_to_doubles(t, values, n) != CT_OK)
        n = 0;
    fputc('[', out);
    for (int64_t i = 0; i < n; i++)
        fprintf(out, values[i] - values[i] == 0 ? "%s%.17g" : "%s\"%g\"", i ? "," : "", values[i]);
    fputc(']', out);
}

static bool write_truth(ct_tensor *y, const char *path)
{
    FILE *out = fopen(path, "w");
    if (!out)
        return false;
    fputc('{', out);
    for (int i = 0; i < count; i++) {
        ct_tensor *g = NULL;
        if (ct_requires_grad(named[i]))
            ct_grad(y, NULL, &named[i], 1, 0, &g);
        fprintf(out, "%s\n\"%d\":{\"name\":\"", i ? "," : "", i);
        for (const char *c = ct_name(named[i]); *c; c++)
            fprintf(out, *c == '"' ? "\\%c" : "%c", *c);
        fprintf(out, "\",\"f32\":%s,\"value\":", ct_dtype_of(named[i]) == CT_F32 ? "true" : "false");
        write_numbers(out, named[i]);
        fputs(",\"cotangent\":", out);
        if (g)
            write_numbers(out, g);
        else
            fputs("null", out);
        fputc('}', out);
    }
    fputs("}\n", out);
    return fclose(out) == 0;
}

static bool write_graph(const char *folder, const char *graph, ct_tensor *(*make)(void),
                        const ct_graph_options *options)
{
    char path[4096];
    ct_scope scope = ct_scope_begin(cx);
    count = 0;
    ct_seed(cx, 7);
    ct_tensor *y = make();
    snprintf(path, sizeof path, "%s/%s.html", folder, graph);
    bool good = ct_graph_page(y, path, options) == CT_OK;
    snprintf(path, sizeof path, "%s/%s.json", folder, graph);
    good = good && write_truth(y, path);
    if (!good)
        fprintf(stderr, "%s: %s\n", graph, ct_error_text(cx));
    ct_scope_end(cx, scope);
    return good;
}

int main(int argc, char **argv)
{
    const char *folder = argc > 1 ? argv[1] : ".";
    ct_gradcheck_options check = { .quick = true };
    ct_graph_options checked = { .check = &check };
    cx = ct_context_new(NULL);
    bool good = write_graph(folder, "diamond", diamond, &checked) &&
                write_graph(folder, "mlp", mlp, NULL) && write_graph(folder, "lstm", lstm, NULL) &&
                write_graph(folder, "large", large, NULL) &&
                write_graph(folder, "broken", broken, NULL);
    ct_context_free(cx);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
