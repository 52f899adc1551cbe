/* Trains an LSTM to tell the next character of a text. Its bits per character on the last 50,000
 * characters, of 1,000,000, are within 0.02 of those of PyTorch, from the same initial values, with
 * the same batches, clipping and Adam (../torch/characters.py).
 *
 *     characters FILE
 *
 * The file is `bible -f gen1:1-judges21:25`, of Debian's package bible-kjv. */
#include <cotangent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { UNITS = 128, STREAMS = 32, STEPS = 64, EPOCHS = 2, LENGTH = 1000000, TEST = 50000 };
#define PYTORCH 2.3663

static unsigned char text[LENGTH];
static int kinds; /* of characters */

/* the text as numbers from 0 to kinds - 1, in the order of their codes */
static bool read_text(const char *path)
{
    int number[256] = { 0 };
    FILE *file = fopen(path, "rb");
    size_t n = file ? fread(text, 1, LENGTH, file) : 0;
    if (file)
        fclose(file);
    for (size_t i = 0; i < n; i++)
        number[text[i]] = 1;
    for (int c = 0; c < 256; c++)
        number[c] = number[c] ? kinds++ : 0;
    for (size_t i = 0; i < n; i++)
        text[i] = (unsigned char)number[text[i]];
    return n == LENGTH;
}

/* n stretches of equal length, side by side: (length,n), i64 */
static ct_tensor *streams(ct_context *cx, const unsigned char *from, int64_t length, int64_t n)
{
    ct_tensor *x = ct_empty(cx, CT_I64, CT_SHAPE(length / n, n));
    int64_t *to = ct_data_mutable(x);
    for (int64_t t = 0; to && t < length / n; t++)
        for (int64_t i = 0; i < n; i++)
            to[t * n + i] = from[i * (length / n) + t];
    return x;
}

typedef struct net {
    ct_module *lstm, *out;
    ct_tensor *h, *c; /* kept from stretch to stretch */
} net;

/* the mean loss of telling `next` from x; the state goes on, without its graph */
static ct_tensor *loss_of(net *a, ct_tensor *x, ct_tensor *next)
{
    ct_tensor *h = a->h, *c = a->c;
    ct_tensor *y = ct_recurrent_forward(a->lstm, ct_one_hot(x, kinds, CT_F32), NULL, &h, &c);
    int64_t rows = ct_count(x);
    ct_tensor *logits = ct_module_forward(a->out, ct_reshape(y, CT_SHAPE(rows, UNITS)));
    ct_keep(&a->h, ct_detach(h));
    ct_keep(&a->c, ct_detach(c));
    return ct_cross_entropy(logits, ct_reshape(next, CT_SHAPE(rows)));
}

static void forget(net *a)
{
    ct_release(a->h);
    ct_release(a->c);
    a->h = a->c = NULL;
}

static ct_tensor *stretch(ct_tensor *x, int64_t t, int64_t n)
{
    return ct_slice(x, 0, t, t + n, 1);
}

/* uniform between -1 and 1: SplitMix64 (Steele, Lea, Flood 2014), number i of stream `which` */
static double drawn(uint64_t which, uint64_t i)
{
    uint64_t z = ((which << 32) + i + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (double)((z ^ z >> 31) >> 11) * 0x1p-52 - 1;
}

/* the initial values: of PyTorch's distribution, up to 1 / sqrt(UNITS) */
static void draw(ct_context *cx, ct_tensor *const *parameters, int n)
{
    ct_scope scope = ct_scope_begin(cx);
    ct_no_grad(cx);
    for (int i = 0; i < n; i++) {
        ct_tensor *u = ct_empty(cx, CT_F32, ct_shape(parameters[i]), ct_ndim(parameters[i]));
        float *to = ct_data_mutable(u);
        for (int64_t k = 0; to && k < ct_count(u); k++)
            to[k] = (float)(drawn((uint64_t)i, (uint64_t)k) / sqrt(UNITS));
        ct_assign(parameters[i], u);
    }
    ct_scope_end(cx, scope);
}

static void train(ct_context *cx, net *a, ct_tensor *const *parameters, int n)
{
    ct_tensor *x = streams(cx, text, LENGTH - TEST, STREAMS);
    ct_optimizer *rule = ct_adam_new(parameters, n, 3e-3, NULL);
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        forget(a);
        for (int64_t t = 0; t < ct_size(x, 0) - 1 - STEPS; t += STEPS) {
            ct_scope scope = ct_scope_begin(cx);
            ct_backward(loss_of(a, stretch(x, t, STEPS), stretch(x, t + 1, STEPS)));
            ct_clip_gradients(parameters, n, 1);
            ct_optimizer_step(rule);
            ct_scope_end(cx, scope);
        }
    }
}

/* bits per character, or NaN */
static double bits_per_character(void)
{
    ct_context *cx = ct_context_new(NULL);
    net a = { ct_lstm_new(cx, CT_F32, kinds, UNITS, NULL), ct_linear_new(cx, CT_F32, UNITS, kinds,
                                                                         NULL), NULL, NULL };
    ct_module *all = ct_module_new(cx, "net", NULL, NULL);
    ct_module_add(all, "lstm", a.lstm);
    ct_module_add(all, "out", a.out);
    int count;
    ct_tensor *const *parameters = ct_module_parameters(all, &count);
    draw(cx, parameters, count);
    train(cx, &a, parameters, count);
    forget(&a);
    ct_inference(cx);
    ct_tensor *x = streams(cx, text + LENGTH - TEST, TEST, 10);
    int64_t n = ct_size(x, 0) - 1;
    double bits = ct_item(loss_of(&a, stretch(x, 0, n), stretch(x, 1, n))) / log(2);
    if (ct_error(cx) != CT_OK)
        fprintf(stderr, "%s\n", ct_error_text(cx));
    ct_context_free(cx);
    return bits;
}

int main(int argc, char **argv)
{
    if (argc != 2 || !read_text(argv[1])) {
        printf("characters: there is no text of %d characters\n0 passed, 1 failed, 0 skipped\n",
               LENGTH);
        return 1;
    }
    double bits = bits_per_character();
    bool good = fabs(bits - PYTORCH) <= 0.02;
    printf("%.4f bits per character, PyTorch %.4f\n%d passed, %d failed, 0 skipped\n", bits, PYTORCH,
           good, !good);
    return !good;
}
