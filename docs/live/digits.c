/* Digits that a reader draws: strokes become a small picture, as those of MNIST are, and a network
 * says which digit it is, and learns from what the reader says it is. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "digits.h"
#include "digits_weights.h"
#include "live.h"

enum { POINTS = 1000, EXAMPLES = 200, BATCH = 24, PARAMETERS = 4 };

typedef struct strokes {
    struct { float x, y; bool begins; } point[POINTS]; /* begins: a new stroke does */
    int count, label;
} strokes;

static struct digits {
    ct_context *cx;
    ct_module *module;
    ct_optimizer *optimizer;
    ct_tensor *const *parameters;
    ct_tensor *begun[PARAMETERS]; /* the weights that it began with, if these are trained ones */
    strokes drawn, *example[EXAMPLES];
    int examples;
    int64_t step;
    float image[LARGE * LARGE];
} d;

/* -- Pictures */
/* how a picture is moved before it is learned from: a matrix, about the middle, and a shift */
typedef struct motion {
    double xx, xy, yx, yy, x, y;
} motion;

/* the strokes' box becomes 20 pixels high or wide, in the middle: as in MNIST */
static motion fit(const strokes *s)
{
    float left = INFINITY, right = -INFINITY, top = INFINITY, bottom = -INFINITY;
    for (int i = 0; i < s->count; i++) {
        left = fminf(left, s->point[i].x), right = fmaxf(right, s->point[i].x);
        top = fminf(top, s->point[i].y), bottom = fmaxf(bottom, s->point[i].y);
    }
    double scale = 18 / fmax(fmaxf(right - left, bottom - top), 1e-3);
    return (motion){ scale, 0, 0, scale, -scale * (left + right) / 2, -scale * (top + bottom) / 2 };
}

static double distance(double x, double y, double ax, double ay, double bx, double by)
{
    double dx = bx - ax, dy = by - ay, length = dx * dx + dy * dy;
    double t = length > 0 ? ((x - ax) * dx + (y - ay) * dy) / length : 0;
    t = fmin(fmax(t, 0), 1);
    return hypot(x - ax - t * dx, y - ay - t * dy);
}

/* a line of the pen, some two pixels wide, where pixels have whole coordinates */
static void draw_line(float *image, double ax, double ay, double bx, double by)
{
    for (int y = 0; y < LARGE; y++)
        for (int x = 0; x < LARGE; x++) {
            float ink = (float)fmin(fmax(1.7 - distance(x, y, ax, ay, bx, by), 0), 1);
            float *pixel = &image[LARGE * y + x];
            *pixel = ink > *pixel ? ink : *pixel;
        }
}

static void draw(float *image, const strokes *s, motion extra)
{
    motion m = fit(s);
    double middle = (LARGE - 1) / 2.0, before[2] = { 0, 0 };
    memset(image, 0, sizeof *image * LARGE * LARGE);
    for (int i = 0; i < s->count; i++) {
        double u = m.xx * s->point[i].x + m.x, v = m.yy * s->point[i].y + m.y;
        double at[2] = { middle + extra.xx * u + extra.xy * v + extra.x,
                         middle + extra.yx * u + extra.yy * v + extra.y };
        const double *from = s->point[i].begins ? at : before;
        draw_line(image, from[0], from[1], at[0], at[1]);
        memcpy(before, at, sizeof before);
    }
}

/* the network's input: the mean of every two by two pixels */
static void shrink(const float *image, float *small)
{
    for (int i = 0; i < PIXELS; i++) {
        const float *p = &image[2 * LARGE * (i / SMALL) + 2 * (i % SMALL)];
        small[i] = (p[0] + p[1] + p[LARGE] + p[LARGE + 1]) / 4;
    }
}

/* -- The network */
static void forget_examples(void)
{
    for (int i = 0; i < d.examples; i++)
        free(d.example[i]);
    d.examples = 0;
}

void live_digits_end(void)
{
    forget_examples();
    ct_context_free(d.cx);
    d = (struct digits){ .cx = NULL };
}

static void set_weights(void)
{
    static const signed char *const bytes[] = { digits_0, digits_1, digits_2, digits_3 };
    const float scale[] = { digits_scale_0, digits_scale_1, digits_scale_2, digits_scale_3 };
    ct_scope scope = ct_scope_begin(d.cx);
    ct_no_grad(d.cx);
    for (int i = 0; i < PARAMETERS; i++) {
        float *w = ct_data_mutable(d.parameters[i]);
        for (int64_t k = 0; w && k < ct_count(d.parameters[i]); k++)
            w[k] = scale[i] * (float)bytes[i][k];
    }
    ct_scope_end(d.cx, scope);
    for (int i = 0; i < PARAMETERS; i++)
        d.begun[i] = ct_add(ct_detach(d.parameters[i]), ct_zeros_like(d.parameters[i]));
}

static const char *answer(const char *format, int number)
{
    if (ct_error(d.cx))
        return live_fail(ct_error_text(d.cx));
    live_begin();
    live_print(format, number);
    return live_finish();
}

const char *live_digits(bool trained)
{
    live_digits_end();
    d.cx = ct_context_new(&(ct_context_options){ .seed = 1 });
    if (!d.cx)
        return live_fail("out of memory");
    int count;
    d.module = ct_mlp_new(d.cx, CT_F32, CT_SIZES(PIXELS, HIDDEN, 10), CT_RELU, NULL);
    d.parameters = ct_module_parameters(d.module, &count);
    d.optimizer = ct_adam_new(d.parameters, count, 2e-3, NULL);
    if (trained && !ct_error(d.cx))
        set_weights();
    live_begin();
    live_print("{\"right\": %.2f, \"weights\": %d}", trained ? digits_right : 10,
               PIXELS * HIDDEN + HIDDEN + 10 * HIDDEN + 10);
    return ct_error(d.cx) ? live_fail(ct_error_text(d.cx)) : live_finish();
}

/* -- What is drawn */
const char *live_digits_clear(void)
{
    d.drawn.count = 0;
    return answer("{}", 0);
}

const char *live_digits_point(double x, double y, bool begins)
{
    if (!isfinite(x) || !isfinite(y))
        return live_fail("a point must be finite");
    if (d.drawn.count == POINTS)
        return live_fail("a digit has at most 1000 points");
    int i = d.drawn.count++;
    d.drawn.point[i].x = (float)x, d.drawn.point[i].y = (float)y;
    d.drawn.point[i].begins = begins || i == 0;
    return answer("{\"points\": %d}", d.drawn.count);
}

const float *live_digits_image(void) { return d.image; }

const char *live_digits_guess(void)
{
    if (!d.cx || d.drawn.count == 0)
        return live_fail(d.cx ? "nothing is drawn yet" : "there is no network yet");
    float small[PIXELS];
    draw(d.image, &d.drawn, (motion){ .xx = 1, .yy = 1 });
    shrink(d.image, small);
    ct_scope scope = ct_scope_begin(d.cx);
    ct_inference(d.cx);
    ct_tensor *x = ct_from_memory(d.cx, CT_F32, CT_SHAPE(1, PIXELS), small);
    ct_tensor *y = ct_softmax(ct_module_forward(d.module, x), 1);
    live_begin();
    live_print("{\"shares\": ");
    live_tensor(y);
    live_print("}");
    ct_scope_end(d.cx, scope);
    return ct_error(d.cx) ? live_fail(ct_error_text(d.cx)) : live_finish();
}

/* -- Learning */
const char *live_digits_keep(int label)
{
    if (label < 0 || label > 9 || d.drawn.count == 0)
        return live_fail(d.drawn.count ? "a digit is from 0 to 9" : "nothing is drawn yet");
    if (d.examples == EXAMPLES)
        return live_fail("it keeps at most 200 digits");
    strokes *s = malloc(sizeof *s);
    if (!s)
        return live_fail("out of memory");
    *s = d.drawn;
    s->label = label;
    d.example[d.examples++] = s;
    return answer("{\"examples\": %d}", d.examples);
}

static double uniform(double low, double high)
{
    return low + (high - low) * (double)(ct_random_u64(d.cx) >> 11) * 0x1p-53;
}

/* turned by up to 12 degrees, slanted, larger or smaller, and moved */
static motion random_motion(void)
{
    double angle = uniform(-0.2, 0.2), slant = uniform(-0.15, 0.15);
    double wide = uniform(0.85, 1.1), high = uniform(0.85, 1.1);
    return (motion){ wide * cos(angle), slant - high * sin(angle), wide * sin(angle),
                     high * cos(angle), uniform(-1.5, 1.5), uniform(-1.5, 1.5) };
}

/* some of the reader's digits, each moved; half of them are the newest */
static void make_batch(ct_tensor **x, ct_tensor **labels)
{
    float image[LARGE * LARGE], small[BATCH * PIXELS];
    int64_t label[BATCH];
    for (int i = 0; i < BATCH; i++) {
        uint64_t any = ct_random_u64(d.cx) % (uint64_t)d.examples;
        const strokes *s = d.example[i % 2 ? (uint64_t)d.examples - 1 : any];
        draw(image, s, random_motion());
        shrink(image, &small[i * PIXELS]);
        label[i] = s->label;
    }
    *x = ct_from_memory(d.cx, CT_F32, CT_SHAPE(BATCH, PIXELS), small);
    *labels = ct_from_ints(d.cx, CT_SHAPE(BATCH), label, BATCH);
}

/* Trained weights are held back by springs: else the reader's few digits would soon make the
   network forget all others. */
static ct_tensor *with_springs(ct_tensor *loss)
{
    for (int i = 0; i < PARAMETERS && d.begun[i]; i++) {
        ct_tensor *moved = ct_sum(ct_square(ct_sub(d.parameters[i], d.begun[i])));
        loss = ct_add(loss, ct_scale(moved, 2));
    }
    return loss;
}

const char *live_digits_train(int steps)
{
    if (!d.cx || d.examples == 0)
        return live_fail("there is no digit to learn from yet");
    if (steps < 1 || steps > 1000)
        return live_fail("the number of steps must be from 1 to 1000");
    double last = 0;
    for (int i = 0; i < steps && !ct_error(d.cx); i++, d.step++) {
        ct_scope scope = ct_scope_begin(d.cx);
        ct_tensor *x, *labels;
        make_batch(&x, &labels);
        ct_tensor *loss = ct_cross_entropy(ct_module_forward(d.module, x), labels);
        ct_backward(with_springs(loss));
        ct_optimizer_step(d.optimizer);
        last = ct_item(loss);
        ct_scope_end(d.cx, scope);
    }
    live_begin();
    live_print("{\"step\": %lld, \"loss\": ", (long long)d.step);
    live_number(last);
    live_print("}");
    return ct_error(d.cx) ? live_fail(ct_error_text(d.cx)) : live_finish();
}
