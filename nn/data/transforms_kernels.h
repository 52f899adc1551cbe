/* Transforms of one picture: see transforms.c. */

/* copies the part that lies in the source, and fills the rest */
static void K(move)(const ct__step *s, const ct__move *m, const void *in, void *out)
{
    const REAL fill = (REAL)s->t.fill;
    for (int64_t c = 0; c < s->channels; c++)
        for (int64_t i = 0; i < s->out_height; i++) {
            int64_t y = m->top + (m->flip_vertical ? s->out_height - 1 - i : i);
            const REAL *row = (const REAL *)in + (c * s->height + y) * s->width;
            REAL *to = (REAL *)out + (c * s->out_height + i) * s->out_width;
            for (int64_t j = 0; j < s->out_width; j++) {
                int64_t x = m->left + (m->flip ? s->out_width - 1 - j : j);
                bool inside = y >= 0 && y < s->height && x >= 0 && x < s->width;
                to[j] = inside ? row[x] : fill;
            }
        }
}

static REAL K(pixel)(const ct__step *s, const REAL *plane, int64_t y, int64_t x)
{
    bool inside = y >= 0 && y < s->height && x >= 0 && x < s->width;
    return inside ? plane[y * s->width + x] : (REAL)s->t.fill;
}

/* Counterclockwise by the angle, about the middle, bilinear. What comes to (i, j), counted from the
 * middle, was at (i cos + j sin, j cos - i sin). */
static void K(rotate)(const ct__step *s, const ct__move *m, const void *in, void *out)
{
    const double cosine = cos(m->angle), sine = sin(m->angle);
    const double middle_y = (double)(s->height - 1) / 2, middle_x = (double)(s->width - 1) / 2;
    for (int64_t k = 0; k < s->height * s->width; k++) {
        double i = (double)(k / s->width) - middle_y, j = (double)(k % s->width) - middle_x;
        double y = i * cosine + j * sine + middle_y, x = j * cosine - i * sine + middle_x;
        int64_t top = (int64_t)floor(y), left = (int64_t)floor(x);
        const REAL low = (REAL)(y - (double)top), right = (REAL)(x - (double)left);
        for (int64_t c = 0; c < s->channels; c++) {
            const REAL *plane = (const REAL *)in + c * s->height * s->width;
            REAL a = (1 - right) * K(pixel)(s, plane, top, left) +
                     right * K(pixel)(s, plane, top, left + 1);
            REAL b = (1 - right) * K(pixel)(s, plane, top + 1, left) +
                     right * K(pixel)(s, plane, top + 1, left + 1);
            ((REAL *)out)[c * s->height * s->width + k] = (1 - low) * a + low * b;
        }
    }
}

static void K(noise)(const ct__step *s, ct__draws *draws, const void *in, void *out)
{
    for (int64_t i = 0; i < s->channels * s->height * s->width; i++)
        ((REAL *)out)[i] = ((const REAL *)in)[i] + (REAL)(s->t.deviation * ct__draw_normal(draws));
}

static void K(normalize)(const ct__step *s, ct__draws *draws, const void *in, void *out)
{
    const int64_t plane = s->height * s->width;
    (void)draws;
    for (int64_t i = 0; i < s->channels * plane; i++) {
        int64_t c = s->t.channels == 1 ? 0 : i / plane;
        ((REAL *)out)[i] = (REAL)((((const REAL *)in)[i] - s->t.mean[c]) / s->t.std[c]);
    }
}

static void K(mix)(void *rows, int64_t n, int64_t count, double share, void *room)
{
    REAL *row = rows, *last = room;
    const REAL kept = (REAL)share, other = (REAL)(1 - share);
    memcpy(last, row + (n - 1) * count, (size_t)count * sizeof *row);
    for (int64_t i = n - 1; i >= 0; i--) /* downwards: the row before is still as it was */
        for (int64_t k = 0; k < count; k++) {
            REAL before = i > 0 ? row[(i - 1) * count + k] : last[k];
            row[i * count + k] = kept * row[i * count + k] + other * before;
        }
}

static const transform_kernels K(transforms) = { K(move), K(rotate), K(noise), K(normalize),
                                                 K(mix) };
