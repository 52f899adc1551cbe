/* What the units of a network look for, and which pixels speak for a class. */
#ifndef PICTURES_H
#define PICTURES_H
#include "net.h"

enum { PARTS = 20, TOP = 9, UNITS = 64, COPIES = 64,
       EDGE = 3 * SIDE + 2 + 2 * (2 + SIDE / 6) };

/* for each unit of a stage the patches, `wide` pixels, of the TOP images that excite it most, three
   to a row, and a report of them; value (n,units): the largest in each image; place: where it is */
static inline void show(program *p, const images *test, ct_tensor *value, ct_tensor *place,
                        int stage)
{
    static const int jump[STAGES] = { 2, 2, 4, 8 }, wides[STAGES] = { 5, 13, 25, SIDE };
    static const char *const what[STAGES] = { "Behind the first convolution", "Stage 1", "Stage 2",
                                              "Stage 3" };
    static float tiles[STAGES][UNITS * EDGE * EDGE];
    int wide = wides[stage], margin = 2 + wide / 6, edge = 3 * wide + 2 + 2 * margin;
    int units = (int)ct_size(value, 1), side = (SIDE + jump[stage] - 1) / jump[stage], pure = 0;
    ct_tensor *which = NULL;
    ct_topk(value, TOP, 0, 0, NULL, &which);
    ct_tensor *where = ct_contiguous(ct_gather(place, 0, which));
    which = ct_contiguous(which);
    const int64_t *top = ct_data_i64(which), *q = ct_data_i64(where);
    const int64_t *label = ct_data_i64(test->labels);
    const float *x = ct_data_f32(test->x);
    for (int u = 0; u < units && top && q && x && label; u++) {
        int same = 0;
        for (int k = 0; k < TOP; k++) {
            int64_t i = top[k * units + u], at = q[k * units + u];
            int64_t up = wide == SIDE ? 0 : at / side * jump[stage] - wide / 2;
            int64_t left = wide == SIDE ? 0 : at % side * jump[stage] - wide / 2;
            float *to = &tiles[stage][u * edge * edge + margin * (edge + 1)
                                      + (k / 3 * edge + k % 3) * (wide + 1)];
            for (int64_t r = 0; r < wide; r++)
                for (int64_t c = 0; c < wide; c++)
                    if (up + r >= 0 && up + r < SIDE && left + c >= 0 && left + c < SIDE)
                        to[r * edge + c] = x[i * PIXELS + (up + r) * SIDE + left + c];
            same += label[i] == label[top[u]];
        }
        pure += same == TOP;
    }
    report_image(p, &(image){ program_words(p, "%s: %d units. For %d of them all nine images are "
        "of one class", what[stage], units, pure), tiles[stage], edge, edge, units, 8,
        .size = FULL, .cover = stage == 2 });
}

static inline void excite(program *p, ct_module *net, const images *test)
{
    ct_scope scope = ct_scope_begin(p->cx);
    ct_inference(p->cx);
    ct_tensor *value[STAGES][PARTS], *place[STAGES][PARTS]; /* all of them are kept */
    int parts = (int)((ct_size(test->x, 0) + PART - 1) / PART);
    for (int i = 0; i < parts; i++) {
        ct_tensor *x = ct_slice(test->x, 0, i * PART, (i + 1) * PART, 1);
        x = ct_module_forward(ct_module_child(net, "0"), x);
        for (int s = 0; s < STAGES; s++) {
            x = ct_module_forward(ct_module_child(net, stage_names[s]), x);
            ct_tensor *flat = ct_reshape(x, CT_SHAPE(ct_size(x, 0), ct_size(x, 1), -1));
            value[s][i] = ct_max_over(flat, CT_AXES(2), 0), place[s][i] = ct_argmax(flat, 2);
        }
    }
    report_heading(p, "What its units look for");
    report_text(p, "For each unit the nine test images that excite it most, and of these the part "
                "around the place where they do. The first ones look for edges; then come strokes "
                "and their ends, then parts of a shape, then whole shapes, and in the end a class "
                "(or a kind of one) has units of its own. Nobody told them to.");
    ct_tensor *w = ct_contiguous(ct_module_parameter(net, "1.0.weight"));
    report_image(p, &(image){ "The first convolution's filters, in the order of the units below",
                              ct_data_f32(w), 5, 5, (int)ct_size(w, 0), 16, SIGNED, .each = true,
                              .size = FULL });
    for (int s = 0; s < STAGES; s++)
        show(p, test, ct_concat(value[s], parts, 0), ct_concat(place[s], parts, 0), s);
    ct_scope_end(p->cx, scope);
}

/* d logit of the label / d pixels */
static inline ct_tensor *by_pixels(ct_module *net, ct_tensor *x, ct_tensor *labels)
{
    ct_tensor *g = NULL, *y;
    x = ct_variable(ct_detach(x));
    y = ct_module_forward(net, x);
    ct_grad(ct_sum(ct_gather(y, 1, ct_unsqueeze(labels, 1))), NULL, &x, 1, 0, &g);
    return g;
}

/* of one test image of each class, and the mean over COPIES with noise */
static inline void saliency(program *p, ct_module *net, const images *test)
{
    static float maps[3 * CLASSES][PIXELS];
    ct_tensor *labels = ct_range(p->cx, CT_I64, CLASSES);
    ct_tensor *is = ct_cast(ct_eq(test->labels, ct_unsqueeze(labels, 1)), CT_I64);
    ct_tensor *x = ct_index_select(test->x, 0, ct_argmax(is, 1)), *many = ct_repeat(x, COPIES, 0);
    many = ct_add(many, ct_scale(ct_randn(p->cx, CT_F32, ct_shape(many), 2), 0.2));
    ct_tensor *mean = by_pixels(net, many, ct_repeat(labels, COPIES, 0));
    mean = ct_mean_over(ct_reshape(mean, CT_SHAPE(CLASSES, COPIES, PIXELS)), CT_AXES(1), 0);
    ct_tensor *rows[] = { x, by_pixels(net, x, labels), mean };
    ct_to_memory(ct_concat(rows, 3, 0), maps, sizeof maps);
    report_image(p, &(image){ "A test image of each class", maps[0], SIDE, SIDE, CLASSES, CLASSES,
                              .size = FULL });
    report_image(p, &(image){ "The gradient of the class's logit by the pixels: ink speaks for it "
                              "where it is orange, against it where it is blue", maps[CLASSES],
                              SIDE, SIDE, CLASSES, CLASSES, SIGNED, .each = true, .size = FULL });
    report_image(p, &(image){ "Its mean over 64 copies of the image with noise", maps[2 * CLASSES],
                              SIDE, SIDE, CLASSES, CLASSES, SIGNED, .each = true, .size = FULL });
}
#endif
