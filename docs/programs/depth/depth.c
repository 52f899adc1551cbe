/* Into how many pieces networks of ReLUs cut a square, by depth. See depth.md. */
#include "program.h"
#include <math.h>

enum { UNITS = 24, DEPTHS = 5, CORNERS = UNITS + 8, LINES = 100, POINTS = 400, GRID = 150 };
enum { RANDOM, TRAINED, FOLDING, BOUND, KINDS };

typedef struct net { int layers, width; double *w[6], *b[6]; } net; /* w[l] (width,inputs) */
typedef struct cell { int n; double x[CORNERS][2]; } cell; /* a polygon; a line (2), a point (1) */

static const char *const kinds[] = { "random", "trained", "folding, by hand", "bound" };
static const double pi = 3.14159265358979323846, tiny = 1e-9, depths[DEPTHS] = { 1, 2, 3, 4, 6 };
static double pieces[KINDS][DEPTHS], of_line[KINDS][DEPTHS], right[KINDS][DEPTHS];
static float picture[KINDS][DEPTHS][GRID * GRID];
static uint32_t last_pattern;

/* the part of c where s, whose values at the corners are given, has that sign */
static cell part_of(const cell *c, const double *s, double sign)
{
    cell part = { .n = 0 };
    for (int i = 0; i < c->n; i++) {
        const double *a = c->x[i], *b = c->x[(i + 1) % c->n], t = s[(i + 1) % c->n];
        if (sign * s[i] >= 0)
            part.x[part.n][0] = a[0], part.x[part.n++][1] = a[1];
        if (s[i] * t < 0 && (c->n > 2 || i == 0)) {
            part.x[part.n][0] = (t * a[0] - s[i] * b[0]) / (t - s[i]);
            part.x[part.n++][1] = (t * a[1] - s[i] * b[1]) / (t - s[i]);
        }
    }
    return part;
}

/* How many patterns of active units there are in c. Unit i of layer l is the linear function z[i]
 * there. Unit j is active (a 1 behind the pattern so far), or silent (a 0), or cuts c in two */
static double count(const net *n, int l, int j, double (*z)[3], uint32_t pattern, const cell *c)
{
    double s[CORNERS], least = 0, most = 0, next[UNITS][3] = { { 0 } };
    int inputs = l < 0 ? 2 : n->width;
    if (j == inputs) {
        last_pattern = pattern;
        for (int k = 0; l + 1 < n->layers && k < n->width; k++) {
            next[k][2] = n->b[l + 1][k];
            for (int i = 0; i < 3 * inputs; i++)
                if (l < 0 || pattern >> (inputs - 1 - i / 3) & 1)
                    next[k][i % 3] += n->w[l + 1][k * inputs + i / 3] * z[i / 3][i % 3];
        }
        return l + 1 == n->layers ? 1 : count(n, l + 1, 0, next, pattern, c);
    }
    for (int i = 0; i < c->n; i++) {
        s[i] = z[j][0] * c->x[i][0] + z[j][1] * c->x[i][1] + z[j][2];
        least = fmin(least, s[i]), most = fmax(most, s[i]);
    }
    bool cut = least < -tiny && most > tiny;
    cell above = cut ? part_of(c, s, 1) : *c, below = cut ? part_of(c, s, -1) : *c;
    return (most > tiny ? count(n, l, j + 1, z, pattern << 1 | 1, &above) : 0)
         + (cut || most <= tiny ? count(n, l, j + 1, z, pattern << 1, &below) : 0);
}

static void measure(const net *n, int kind, int d)
{
    double z[2][3] = { { 1, 0, 0 }, { 0, 1, 0 } };
    cell square = { 4, { { -1, -1 }, { 1, -1 }, { 1, 1 }, { -1, 1 } } };
    pieces[kind][d] = count(n, -1, 2, z, 0, &square);
    for (int i = 0; i < LINES; i++) {
        double from = (2 * i + 1.0) / LINES - 1, to = (2 * (i * 37 % LINES) + 1.0) / LINES - 1;
        cell line = { 2, { { -1, from }, { 1, to } } };
        of_line[kind][d] += count(n, -1, 2, z, 0, &line) / LINES;
    }
    for (int i = 0; i < GRID * GRID; i++) {
        cell point = { 1, { { i % GRID * 2.0 / GRID - 1, 1 - i / GRID * 2.0 / GRID } } };
        count(n, -1, 2, z, 0, &point);
        picture[kind][d][i] = (float)(last_pattern * 2654435761u >> 12);
    }
}

/* layers but the last fold the square onto itself, q times along each axis */
static void fold(const net *n)
{
    for (int l = 0, q = n->width / 2; l < n->layers; l++)
        for (int j = 0, inputs = l ? n->width : 2; j < n->width; j++) {
            double a[2] = { cos(pi * j / n->width), sin(pi * j / n->width) };
            n->b[l][j] = -(a[0] + a[1]) / 2 - 0.4 * sin(pi / 2 / n->width);
            if (l < n->layers - 1)
                a[j / q] = (j % q ? 2 : 1) * q, a[1 - j / q] = 0, n->b[l][j] = -2 * (j % q);
            for (int i = 0; i < inputs; i++)
                n->w[l][j * inputs + i] = l == 0 ? a[i] / 2 : (i % q % 2 ? -1 : 1) * a[i / q];
            n->b[l][j] += l == 0 ? (a[0] + a[1]) / 2 : 0; /* at first (x + 1) / 2 is folded */
        }
}

static void show(program *p)
{
    report_text(p, "The network is linear in each piece, and the pieces are colored.");
    for (int line = 0; line < 2; line++) {
        chart c = { line ? "Pieces of a line" : "Pieces of a square", .y_log = 10, .whole = true };
        double (*y)[DEPTHS] = line ? of_line : pieces;
        for (int k = 0; k < KINDS; k++)
            c.series[k] = (series){ kinds[k], depths, y[k], DEPTHS, LINE_AND_DOTS, 0 };
        report_chart(p, &c);
    }
    for (int k = 0; k < BOUND; k++)
        for (int d = 0; d < DEPTHS; d++)
            report_image(p, &(image){ program_words(p, "%s, %.0f layers: %.0f pieces, %.0f %% "
                "right", kinds[k], depths[d], pieces[k][d], right[k][d]), picture[k][d], GRID, GRID,
                .palette = CELLS, .size = SMALL, .cover = k == TRAINED && d == 3 });
}

int main(int argc, char **argv)
{
    program p = { .name = "depth", .title = "What depth is good for", .minutes = 0.1,
                  .does = "counts the pieces that networks of 24 ReLUs make, by depth" };
    if (!program_begin(&p, argc, argv))
        return p.status;
    images data = program_spirals(&p, POINTS, 1.25, 0);
    ct_layer_options random = { .weight_init = CT_HE_UNIFORM, .bias_init = CT_GLOROT_UNIFORM };
    for (int d = 0, all; d < DEPTHS; d++) {
        int layers = (int)depths[d], w = UNITS / layers, epochs = p.tiny ? 10 : 500;
        int64_t sizes[8] = { 2, w, w, w, w, w, w };
        sizes[layers + 1] = 2;
        ct_module *m = ct_mlp_new(p.cx, CT_F64, sizes, layers + 2, CT_RELU, &random);
        ct_tensor *const *weights = ct_module_parameters(m, &all);
        ct_training run = { .module = m, .optimizer = ct_adam_new(weights, all, 0.01, NULL),
                            .batches = ct_batches_new(data.x, data.labels, 50, NULL) };
        if (!program_check(&p, m, images_loss, (images[]){ images_first(&data, 20) }))
            return program_end(&p, NULL);
        for (int kind = RANDOM; kind <= FOLDING; kind++) { /* of the same module, in this order */
            if (kind == TRAINED)
                ct_fit(&run, &(ct_fit_options){ .epochs = epochs, .replay = p.replay });
            ct_scope scope = ct_scope_begin(p.cx);
            ct_no_grad(p.cx);
            net n = { .layers = layers, .width = w };
            for (int l = 0; l < layers; l++)
                n.w[l] = ct_data_mutable(weights[2 * l]),
                n.b[l] = ct_data_mutable(weights[2 * l + 1]);
            if (kind == FOLDING)
                fold(&n);
            right[kind][d] = 100 * ct_accuracy(ct_module_forward(m, data.x), data.labels);
            measure(&n, kind, d);
            ct_scope_end(p.cx, scope);
        }
        double parts = 1 + w + w * (w - 1) / 2, formula = pow(w / 2, 2 * layers - 2) * parts;
        pieces[BOUND][d] = pow(parts, layers), of_line[BOUND][d] = pow(w + 1, layers);
        bool within = fmax(pieces[RANDOM][d], pieces[TRAINED][d]) <= pieces[BOUND][d];
        program_target(&p, within && pieces[FOLDING][d] == formula, "%d x %d units: %.0f pieces by "
                       "folding, the formula; all within %.0f", layers, w, formula, pieces[3][d]);
    }
    show(&p);
    return program_end(&p, "pieces: %.0f in 4 folding layers of 6, %.0f trained; %.0f in 1 of 24",
                       pieces[FOLDING][3], pieces[TRAINED][3], pieces[BOUND][0]);
}
