/* A picture with the content of one picture and the style of another. See style.md. */
#include "filters.h"

enum { CONTENT, STROKES, GLASS, PICTURES };
static const char *const names_of[PICTURES] = { "the content", "strokes", "glass" };
/* over all pictures: the largest style loss, and the content's least distance from the midpoint */
static double worst, above = 1;

/* what a picture is compared by, and with; then what `measure` found */
typedef struct aim {
    ct_module *net;
    ct_tensor *gram[LAYERS], *content;
    double start[LAYERS], scale, weight, style[LAYERS], worst, correlation;
} aim;

/* G = F F^T / places, F (channels,places) */
static ct_tensor *gram(ct_tensor *f)
{
    ct_tensor *rows = ct_reshape(f, CT_SHAPE(ct_size(f, 1), -1));
    return ct_scale(ct_matmul(rows, ct_transpose(rows)), 1.0 / (double)ct_size(rows, 1));
}

static ct_tensor *style_loss(ct_tensor *f, ct_tensor *wanted)
{
    return ct_sum(ct_square(ct_sub(gram(f), wanted)));
}

/* of the picture sigmoid(u) */
static ct_tensor *loss(ct_module *picture, void *user)
{
    const aim *a = user;
    ct_tensor *f[LAYERS];
    features(a->net, ct_sigmoid(ct_module_parameter(picture, "u")), f);
    ct_tensor *sum = ct_scale(ct_mse(f[LAYERS - 1], a->content), a->weight / a->scale);
    for (int i = 0; i < LAYERS; i++)
        sum = ct_add(sum, ct_scale(style_loss(f[i], a->gram[i]), 1 / a->start[i]));
    return sum;
}

static ct_tensor *centered(ct_tensor *f)
{
    return ct_sub(f, ct_mean_over(f, CT_AXES(2, 3), CT_KEEPDIMS));
}

/* each layer's style loss as a part of the start's, and the correlation of contents */
static void measure(aim *a, ct_tensor *x)
{
    ct_scope scope = ct_scope_begin(ct_context_of(x));
    ct_tensor *f[LAYERS], *p, *q;
    features(a->net, x, f);
    for (int i = 0; i < LAYERS; i++)
        a->style[i] = ct_item(style_loss(f[i], a->gram[i])) / a->start[i];
    a->worst = fmax(a->style[0], fmax(a->style[1], a->style[2]));
    p = centered(f[LAYERS - 1]), q = centered(a->content);
    a->correlation = ct_item(ct_sum(ct_mul(p, q)))
        / sqrt(ct_item(ct_sum(ct_square(p))) * ct_item(ct_sum(ct_square(q))));
    ct_scope_end(ct_context_of(x), scope);
}

static aim aim_new(ct_module *net, ct_tensor *content, ct_tensor *style)
{
    ct_tensor *f[LAYERS], *g[LAYERS];
    aim a = { .net = net, .weight = 0.01 };
    features(net, content, f);
    features(net, style, g);
    a.content = f[LAYERS - 1];
    a.scale = ct_item(ct_mean(ct_square(centered(a.content))));
    for (int i = 0; i < LAYERS; i++) {
        a.gram[i] = gram(g[i]);
        a.start[i] = ct_item(style_loss(f[i], a.gram[i]));
    }
    return a;
}

/* the content in that style, from the content on */
static void paint(program *p, ct_module *net, ct_tensor *const *x, int style, const char *by)
{
    static float out[NUMBERS];
    static double done;
    aim a = aim_new(net, x[CONTENT], x[style]);
    measure(&a, x[style]);
    double alone = a.correlation;
    ct_module *picture = picture_new(p->cx, x[CONTENT]);
    ct_minimize_options how = { .memory = 20, .max_iterations = p->tiny ? 1 : 20 };
    ct_tensor *y = x[CONTENT];
    int rounds = (int)program_size(p, 20, 8, 1);
    for (int i = 0; i < rounds; i++, done += 0.25 / rounds) {
        if (program_progress(p, done, "%s, %s, step %d", names_of[style], by, 20 * i))
            ct_module_lbfgs(picture, loss, &a, &how, NULL);
        y = ct_sigmoid(ct_detach(ct_module_parameter(picture, "u")));
        measure(&a, y);
        a.weight *= a.worst > 3e-4 ? 0.6 : 1.5; /* as much content as the style allows */
    }
    ct_to_memory(ct_cast(y, CT_F32), out, sizeof out);
    const char *found = program_words(p, "%s, %s: style %.1e, %.1e, %.1e of the start's; content "
                                      "%.2f (the style alone: %.2f)", names_of[style], by,
                                      a.style[0], a.style[1], a.style[2], a.correlation, alone);
    show(p, out, found, HALF);
    program_say(p, "%s", found);
    worst = fmax(worst, a.worst);
    above = fmin(above, a.correlation - (1 + alone) / 2);
}

/* the gradient by the pixels of a small piece: it takes all that a large one does */
static bool checked(program *p, ct_module *net, ct_tensor *const *x)
{
    ct_tensor *piece[2];
    for (int i = 0; i < 2; i++)
        piece[i] = ct_contiguous(ct_slice(ct_slice(x[i], 2, 40, 56, 1), 3, 40, 56, 1));
    aim a = aim_new(net, piece[0], piece[1]);
    return program_check(p, picture_new(p->cx, piece[0]), loss, &a);
}

int main(int argc, char **argv)
{
    program p = { .name = "style", .title = "What a picture shows, and how it is painted",
                  .does = "paints a landscape in the style of two other pictures", .minutes = 1 };
    if (!program_begin(&p, argc, argv))
        return p.status;
    static float painted[PICTURES][NUMBERS];
    ct_tensor *x[PICTURES];
    double right = 0;
    paint_scene(painted[0]), paint_strokes(p.cx, painted[1]), paint_glass(p.cx, painted[2]);
    for (int i = 0; i < PICTURES; i++) {
        x[i] = ct_borrow_const(p.cx, CT_F32, CT_SHAPE(1, 3, EDGE, EDGE), painted[i]);
        x[i] = ct_cast(x[i], CT_F64);
        show(&p, painted[i], names_of[i], SQUARE);
    }
    report_heading(&p, "The content in both styles");
    for (int learned = 0; learned < 2; learned++) {
        ct_module *net = net_new(p.cx, !learned);
        if (learned)
            right = 100 * learn(&p, net, (int)program_size(&p, 600, 600, 1));
        ct_module_freeze(net, NULL, true);
        if (!learned && !checked(&p, net, x))
            return program_end(&p, NULL);
        for (int style = STROKES; style <= GLASS; style++)
            paint(&p, net, x, style, learned ? "learned filters" : "random filters");
    }
    report_text(&p, "The content alone has style 1, 1, 1 and content 1; a style alone has style 0 "
                "and the content in brackets. Learned filters tell %.0f %% of textures.", right);
    program_target(&p, worst <= 1e-3, "each layer's style loss is at most 1e-3 of its start");
    program_target(&p, above > 0, "the content is above the midpoint between a style's and 1");
    return program_end(&p, "style at most %.1e of its start, content %.2f or more above the "
                       "midpoint", worst, above);
}
