/* A small network that learns which of two kinds a point is of. There is one at a time. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "live.h"

enum { POINTS = 200, LAYERS = 4, WIDTH = 16, GRID = 128 };

static struct network {
    ct_context *cx;
    ct_module *module;
    ct_optimizer *optimizer;
    ct_tensor *x, *target; /* the points (n,2) and their kinds (n,1), 0 or 1 */
    ct_tensor *const *parameters;
    int count;             /* of parameters */
    int64_t step;
    float *surface;
} net;

/* -- Points, in a square from -1.5 to 1.5 */
static double uniform(double low, double high)
{
    return low + (high - low) * (double)(ct_random_u64(net.cx) >> 11) * 0x1p-53;
}

static void place(live_points kind, int i, double *p)
{
    const double pi = acos(-1);
    int side = i % 2;
    double angle = uniform(0, pi), turn = uniform(0.15, 1), radius = side ? 1.15 : 0.45;
    switch (kind) {
    case LIVE_MOONS: /* two half circles, one upside down and moved into the other */
        p[0] = 0.85 * (side ? 0.5 - cos(angle) : cos(angle) - 0.5);
        p[1] = 0.85 * (side ? 0.25 - sin(angle) : sin(angle) - 0.25);
        break;
    case LIVE_XOR:
        p[0] = uniform(-1.3, 1.3);
        p[1] = uniform(0.1, 1.3) * ((p[0] > 0) == side ? -1 : 1);
        break;
    case LIVE_RINGS:
        p[0] = radius * cos(2 * angle);
        p[1] = radius * sin(2 * angle);
        break;
    case LIVE_SPIRALS:
        p[0] = 1.4 * turn * cos(3 * pi * turn + pi * side);
        p[1] = 1.4 * turn * sin(3 * pi * turn + pi * side);
        break;
    }
    double noise = kind == LIVE_SPIRALS ? 0.05 : kind == LIVE_XOR ? 0 : 0.13;
    p[0] += uniform(-noise, noise);
    p[1] += uniform(-noise, noise);
    p[2] = side;
}

static void make_points(live_points kind)
{
    double x[2 * POINTS], target[POINTS];
    for (int i = 0; i < POINTS; i++) {
        double p[3] = { 0 };
        place(kind, i, p);
        x[2 * i] = p[0];
        x[2 * i + 1] = p[1];
        target[i] = p[2];
    }
    net.x = ct_from_doubles(net.cx, CT_F32, CT_SHAPE(POINTS, 2), x, 2 * POINTS);
    net.target = ct_from_doubles(net.cx, CT_F32, CT_SHAPE(POINTS, 1), target, POINTS);
}

/* -- The network */
void live_network_end(void)
{
    ct_context_free(net.cx);
    free(net.surface);
    net = (struct network){ .cx = NULL };
}

static const char *wrong(int kind, int layers, int width, int activation, double rate)
{
    if (kind < LIVE_MOONS || kind > LIVE_SPIRALS)
        return "there are no such points";
    if (layers < 1 || layers > LAYERS || width < 1 || width > WIDTH)
        return "a network has 1 to 4 hidden layers here, each 1 to 16 wide";
    if (activation < CT_IDENTITY || activation > CT_LEAKY_RELU)
        return "there is no such activation";
    return rate > 0 && rate <= 100 ? NULL : "the rate must be more than 0, and at most 100";
}

static const char *described(void)
{
    int64_t elements = 0;
    for (int i = 0; i < net.count; i++)
        elements += ct_count(net.parameters[i]);
    if (ct_error(net.cx))
        return live_fail(ct_error_text(net.cx));
    live_begin();
    live_print("{\"points\": ");
    live_tensor(net.x);
    live_print(", \"kinds\": ");
    live_tensor(net.target);
    live_print(", \"elements\": %lld}", (long long)elements);
    return live_finish();
}

const char *live_network(int kind, int layers, int width, int activation, double rate, bool adam)
{
    const char *why = wrong(kind, layers, width, activation, rate);
    if (why)
        return live_fail(why);
    live_network_end();
    net.cx = ct_context_new(&(ct_context_options){ .seed = 1 });
    net.surface = malloc(sizeof *net.surface * GRID * GRID);
    if (!net.cx || !net.surface)
        return live_fail("out of memory");
    make_points((live_points)kind);
    int64_t sizes[LAYERS + 2] = { 2 };
    for (int i = 1; i <= layers; i++)
        sizes[i] = width;
    sizes[layers + 1] = 1;
    net.module = ct_mlp_new(net.cx, CT_F32, sizes, layers + 2, (ct_activation)activation, NULL);
    net.parameters = ct_module_parameters(net.module, &net.count);
    net.optimizer = adam ? ct_adam_new(net.parameters, net.count, rate, NULL)
                         : ct_sgd_new(net.parameters, net.count, rate, NULL);
    return described();
}

/* -- A step: loss, walk backward, and every parameter moves against its gradient */
static void print_parameters(void)
{
    char shape[CT_SHAPE_TEXT];
    live_print(", \"parameters\": [");
    for (int i = 0; i < net.count; i++) {
        live_print("%s{\"name\": \"%s\", \"shape\": \"%s\", \"value\": ", i ? ", " : "",
                   ct_name(net.parameters[i]), ct_shape_text(net.parameters[i], shape));
        live_tensor(net.parameters[i]);
        live_print(", \"gradient\": ");
        live_tensor(ct_gradient(net.parameters[i]));
        live_print("}");
    }
    live_print("]");
}

static void train_once(bool last)
{
    ct_scope scope = ct_scope_begin(net.cx);
    ct_tensor *logits = ct_module_forward(net.module, net.x);
    ct_tensor *loss = ct_binary_cross_entropy(logits, net.target);
    ct_backward(loss);
    if (last) {
        ct_tensor *zero = ct_scalar(net.cx, CT_F32, 0), *half = ct_scalar(net.cx, CT_F32, 0.5);
        ct_tensor *right = ct_eq(ct_gt(logits, zero), ct_gt(net.target, half));
        live_begin();
        live_print("{\"step\": %lld, \"loss\": ", (long long)net.step);
        live_number(ct_item(loss));
        live_print(", \"right\": %lld", (long long)ct_item_int(ct_sum(ct_cast(right, CT_I64))));
        print_parameters();
        live_print("}");
    }
    ct_optimizer_step(net.optimizer);
    ct_scope_end(net.cx, scope);
    net.step++;
}

const char *live_network_train(int steps)
{
    if (!net.cx)
        return live_fail("there is no network yet");
    if (steps < 1 || steps > 1000)
        return live_fail("the number of steps must be from 1 to 1000");
    for (int i = 1; i <= steps && !ct_error(net.cx); i++)
        train_once(i == steps);
    return ct_error(net.cx) ? live_fail(ct_error_text(net.cx)) : live_finish();
}

const float *live_network_surface(int n)
{
    if (!net.cx || n < 2 || n > GRID)
        return NULL;
    ct_scope scope = ct_scope_begin(net.cx);
    ct_inference(net.cx);
    ct_tensor *x = ct_empty(net.cx, CT_F32, CT_SHAPE(n * n, 2));
    float *p = x ? ct_data_mutable(x) : NULL;
    for (int i = 0; p && i < n * n; i++) {
        p[2 * i] = (float)(3.0 * (i % n + 0.5) / n - 1.5);
        p[2 * i + 1] = (float)(1.5 - 3.0 * (i / n + 0.5) / n);
    }
    ct_tensor *y = ct_sigmoid(ct_module_forward(net.module, x));
    size_t bytes = sizeof *net.surface * (size_t)(n * n);
    bool done = y && ct_to_memory(y, net.surface, bytes) == CT_OK;
    ct_scope_end(net.cx, scope);
    return done ? net.surface : NULL;
}
