/* Points of two classes in the plane. */
#include "program.h"

#include <math.h>

static const double pi = 3.14159265358979323846;

images images_first(const images *set, int64_t n)
{
    return (images){ ct_slice(set->x, 0, 0, n, 1), ct_slice(set->labels, 0, 0, n, 1) };
}

ct_tensor *images_loss(ct_module *net, void *user)
{
    const images *batch = user;
    return ct_cross_entropy(ct_module_forward(net, batch->x), batch->labels);
}

/* point i is of class i % 2 */
static images points(program *p, int64_t n, double noise, double turns, bool rings)
{
    images set = { ct_scale(ct_randn(p->cx, CT_F64, CT_SHAPE(n, 2)), noise),
                   ct_empty(p->cx, CT_I64, CT_SHAPE(n)) };
    const double *random = ct_data_f64(ct_rand(p->cx, CT_F64, CT_SHAPE(n)));
    double *x = ct_data_mutable(set.x);
    int64_t *labels = ct_data_mutable(set.labels);
    for (int64_t i = 0; random && x && labels && i < n; i++) {
        double way = ((double)(i / 2) + 0.5) / ((double)n / 2), c = (double)(i % 2);
        double r = rings ? 0.45 * (1 + c) : 0.1 + 0.85 * way;
        double angle = rings ? 2 * pi * random[i] : 2 * pi * turns * way + pi * c;
        x[2 * i] += r * cos(angle), x[2 * i + 1] += r * sin(angle);
        labels[i] = i % 2;
    }
    return set;
}

images program_spirals(program *p, int64_t n, double turns, double noise)
{
    return points(p, n, noise, turns, false);
}

images program_rings(program *p, int64_t n, double noise)
{
    return points(p, n, noise, 0, true);
}
