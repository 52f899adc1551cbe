/* The options of digits alone. */
#include "options.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- Values that are no whole numbers */
static int find(const char *const *words, const char *text)
{
    for (int i = 0; words[i]; i++)
        if (strcmp(words[i], text) == 0)
            return i;
    return -1;
}

static bool read_layers(const char *text, void *user)
{
    options *o = user;
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

static bool read_activation(const char *text, void *user)
{
    options *o = user;
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

static bool read_optimizer(const char *text, void *user)
{
    options *o = user;
    static const char *const words[] = { "sgd", "momentum", "adam", NULL };
    int i = find(words, text);
    if (i < 0)
        return false;
    o->algorithm = (algorithm)i;
    o->algorithm_text = text;
    return true;
}

static bool read_rate(const char *text, void *user)
{
    options *o = user;
    char *end;
    o->rate = strtod(text, &end);
    return end != text && !*end && isfinite(o->rate) && o->rate > 0;
}

/* -- The table */
void options_table(options *o, option table[DIGITS_OPTIONS])
{
    const option rows[DIGITS_OPTIONS] = {
        { "--epochs", "N", "passes over the training images, 1 to 1000; default 10, quick: 3",
          &o->epochs, 1, 1000, NULL, NULL },
        { "--batch", "N", "images per step, 1 to 100000; default 64", &o->batch, 1, 100000, NULL,
          NULL },
        { "--layers", "N,N...", "sizes of up to 8 hidden layers, or none (a linear classifier);\n"
          "default 128", NULL, 0, 0, read_layers, o },
        { "--activation", "NAME", "between layers: relu (default) tanh sigmoid gelu silu softplus "
          "elu\nleaky_relu", NULL, 0, 0, read_activation, o },
        { "--optimizer", "NAME", "sgd (default), momentum (sgd with momentum 0.9) or adam",
          NULL, 0, 0, read_optimizer, o },
        { "--rate", "X", "learning rate, above 0; default 0.1 (sgd), 0.02 (momentum), 0.001 (adam)",
          NULL, 0, 0, read_rate, o },
        { "--train", "N", "use N training images only, at least 10; default all (60000)",
          &o->train, 10, 60000, NULL, NULL },
        { "--test", "N", "use N test images only, at least 10; default all (10000)",
          &o->test, 10, 10000, NULL, NULL },
        { "--check-only", NULL, "check the gradients and end", &o->check_only, 0, 0, NULL, NULL }
    };
    *o = (options){ .hidden = { 128 }, .hidden_count = 1, .batch = 64, .activation = CT_RELU,
                    .activation_text = "relu", .algorithm_text = "sgd" };
    memcpy(table, rows, sizeof rows);
}

void options_complete(options *o, const program *p)
{
    static const double rates[] = { [SGD] = 0.1, [MOMENTUM] = 0.02, [ADAM] = 0.001 };
    o->rate = o->rate > 0 ? o->rate : rates[o->algorithm];
    o->epochs = o->epochs ? o->epochs : (int)program_size(p, 10, 3, 2);
    o->train = o->train ? o->train : (int)program_size(p, 60000, 60000, 500);
    o->test = o->test ? o->test : (int)program_size(p, 10000, 10000, 200);
}
