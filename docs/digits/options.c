/* One table: what is parsed, what --help prints and what an error quotes are the same row. */
#include "options.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct row {
    const char *name, *argument, *meaning;
    bool (*read)(options *o, const char *text); /* NULL: a whole number, at `place`, in bounds */
    size_t place;
    long low, high;
} row;

/* -- Values that are no whole numbers */
static int find(const char *const *words, const char *text)
{
    for (int i = 0; words[i]; i++)
        if (strcmp(words[i], text) == 0)
            return i;
    return -1;
}

static bool read_layers(options *o, const char *text)
{
    o->hidden_count = 0;
    if (strcmp(text, "none") == 0)
        return true;
    for (const char *at = text; o->hidden_count < MAX_HIDDEN; at++) {
        char *end;
        long size = *at >= '0' && *at <= '9' ? strtol(at, &end, 10) : 0;
        if (size < 1 || size > 100000)
            return false;
        o->hidden[o->hidden_count++] = size;
        if (!*end)
            return true;
        if (*end != ',')
            return false;
        at = end;
    }
    return false;
}

static bool read_activation(options *o, const char *text)
{
    static const char *const words[] = { "relu", "tanh", "sigmoid", "gelu", "silu", "softplus",
                                         "elu", "leaky_relu", NULL };
    static const ct_activation kinds[] = { CT_RELU, CT_TANH, CT_SIGMOID, CT_GELU, CT_SILU,
                                           CT_SOFTPLUS, CT_ELU, CT_LEAKY_RELU };
    int i = find(words, text);
    if (i < 0)
        return false;
    o->activation = kinds[i];
    o->activation_text = text;
    return true;
}

static bool read_optimizer(options *o, const char *text)
{
    static const char *const words[] = { "sgd", "momentum", "adam", NULL };
    int i = find(words, text);
    if (i < 0)
        return false;
    o->algorithm = (algorithm)i;
    o->algorithm_text = text;
    return true;
}

static bool read_rate(options *o, const char *text)
{
    char *end;
    o->rate = strtod(text, &end);
    return end != text && !*end && isfinite(o->rate) && o->rate > 0;
}

static bool read_data(options *o, const char *text)
{
    o->data = text;
    return *text != '\0';
}

static bool read_out(options *o, const char *text)
{
    o->out = text;
    return *text != '\0';
}

/* -- The table */
#define NUMBER(field, low, high) NULL, offsetof(options, field), low, high
#define TEXT(read) read, 0, 0, 0
static const row rows[] = {
    { "--data", "DIR", "folder with the four MNIST files, .gz or not. Default: $COTANGENT_DATA,\n"
      "or digits that the program draws itself", TEXT(read_data) },
    { "--out", "DIR", "folder for report.html, made if need be; default digits-out",
      TEXT(read_out) },
    { "--epochs", "N", "passes over the training images, 1 to 1000; default 10",
      NUMBER(epochs, 1, 1000) },
    { "--batch", "N", "images per step, 1 to 100000; default 64", NUMBER(batch, 1, 100000) },
    { "--layers", "N,N...", "sizes of up to 8 hidden layers, or none (a linear classifier);\n"
      "default 128", TEXT(read_layers) },
    { "--activation", "NAME", "between layers: relu (default) tanh sigmoid gelu silu softplus elu\n"
      "leaky_relu", TEXT(read_activation) },
    { "--optimizer", "NAME", "sgd (default), momentum (sgd with momentum 0.9) or adam",
      TEXT(read_optimizer) },
    { "--rate", "X", "learning rate, above 0; default 0.1 (sgd), 0.02 (momentum), 0.001 (adam)",
      TEXT(read_rate) },
    { "--seed", "N", "of weights, order and drawn digits; default 1", NUMBER(seed, 0, 2147483647) },
    { "--threads", "N", "0: as many as there are cores (the results do not depend on it);\n"
      "default 1", NUMBER(threads, 0, 1024) },
    { "--train", "N", "use N training images only, at least 10; default all (60000)",
      NUMBER(train, 10, 60000) },
    { "--test", "N", "use N test images only, at least 10; default all (10000)",
      NUMBER(test, 10, 10000) },
    { "--check-only", NULL, "check the gradients and end", NULL, 0, 0, 0 },
    { "--help", NULL, "print this and end", NULL, 0, 0, 0 }
};
enum { ROWS = sizeof rows / sizeof *rows };

static void print_help(void)
{
    puts("usage: digits [options]\n\n"
         "Trains a network to read digits, after checking its gradients against central\n"
         "differences, and writes report.html: curves, weights and the worst mistakes.\n");
    for (int i = 0; i < ROWS; i++) {
        const char *line = rows[i].meaning;
        printf("  %s %-*s", rows[i].name, 19 - (int)strlen(rows[i].name),
               rows[i].argument ? rows[i].argument : "");
        for (const char *rest; (rest = strchr(line, '\n')); line = rest + 1)
            printf("%.*s\n%22s", (int)(rest - line), line, "");
        puts(line);
    }
    puts("\nCtrl-C ends training after the present step; the report is written all the same.\n\n"
         "Exit status: 0 done; 1 something failed (data, memory, a file); 2 a bad option;\n"
         "3 the gradient check did not pass, nothing was trained; 130 ended by Ctrl-C.");
}

/* -- Reading */
static bool read_number(options *o, const row *r, const char *text)
{
    char *end;
    long value = strtol(text, &end, 10);
    if (end == text || *end || value < r->low || value > r->high)
        return false;
    *(int *)(void *)((char *)o + r->place) = (int)value;
    return true;
}

static const row *row_named(const char *name)
{
    for (int i = 0; i < ROWS; i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    return NULL;
}

static bool refuse(int *status, const char *name, const char *why)
{
    fprintf(stderr, "digits: %s: %s; see --help\n", name, why);
    *status = EXIT_USAGE;
    return false;
}

static bool read_all(options *o, int argc, char **argv, int *status)
{
    for (int i = 1; i < argc; i++) {
        const row *r = row_named(argv[i]);
        if (!r)
            return refuse(status, argv[i], "no such option");
        if (strcmp(r->name, "--help") == 0) {
            print_help();
            *status = 0;
            return false;
        }
        if (!r->argument) {
            o->check_only = true;
            continue;
        }
        if (++i == argc)
            return refuse(status, r->name, "its value is missing");
        if (!(r->read ? r->read(o, argv[i]) : read_number(o, r, argv[i]))) {
            fprintf(stderr, "digits: %s: cannot use '%s'\n  %s %s: %s\n", r->name, argv[i], r->name,
                    r->argument, r->meaning);
            *status = EXIT_USAGE;
            return false;
        }
    }
    return true;
}

bool options_read(options *o, int argc, char **argv, int *status)
{
    static const double rates[] = { [SGD] = 0.1, [MOMENTUM] = 0.02, [ADAM] = 0.001 };
    const char *folder = getenv("COTANGENT_DATA");
    *o = (options){ .data = folder && *folder ? folder : NULL, .out = "digits-out",
                    .hidden = { 128 }, .hidden_count = 1, .epochs = 10, .batch = 64, .threads = 1,
                    .train = 60000, .test = 10000, .seed = 1, .activation = CT_RELU,
                    .activation_text = "relu", .algorithm_text = "sgd" };
    if (!read_all(o, argc, argv, status))
        return false;
    if (o->rate == 0)
        o->rate = rates[o->algorithm];
    return true;
}
