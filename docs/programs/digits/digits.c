/* digits: a network learns to read digits, on an engine whose gradients are checked first.
 *
 * options -> data (read, or drawn) -> net -> gradient check -> training -> report.html */
#include "page.h"

enum { CHECKED = 8 };           /* images of the gradient check */

static ct_module *net_for(ct_context *cx, const options *o)
{
    int64_t sizes[MAX_HIDDEN + 2] = { PIXELS };
    for (int i = 0; i < o->hidden_count; i++)
        sizes[i + 1] = o->hidden[i];
    sizes[o->hidden_count + 1] = CLASSES;
    return ct_mlp_new(cx, CT_F32, sizes, o->hidden_count + 2, o->activation, NULL);
}

static bool check_gradients(program *p, ct_module *net, const images *set)
{
    int64_t n = ct_size(set->x, 0) < CHECKED ? ct_size(set->x, 0) : CHECKED;
    images batch = { ct_cast(ct_slice(set->x, 0, 0, n, 1), CT_F64),
                     ct_slice(set->labels, 0, 0, n, 1) };
    return program_check(p, net, images_loss, &batch);
}

int main(int argc, char **argv)
{
    options o;
    option rows[DIGITS_OPTIONS];
    data d;
    history h;
    mistakes m;
    options_table(&o, rows);
    program p = { .name = "digits", .title = "Learning to read digits", .minutes = 0.1,
                  .does = "trains a network to read digits, after checking its gradients against "
                          "central differences", .options = rows, .option_count = DIGITS_OPTIONS,
                  .parallel = &program_ranks };
    if (!program_begin(&p, argc, argv))
        return p.status;
    options_complete(&o, &p);
    ct_module *net = net_for(p.cx, &o);
    if (!program_digits(&p, o.train, o.test, &d.train, &d.test)
        || !check_gradients(&p, net, &d.train) || o.check_only || !train(&h, &p, net, &d, &o)
        || !mistakes_find(&m, p.cx, net, &d.test))
        return program_end(&p, NULL);
    page(&p, &(found){ &o, &d, &h, &m, net });
    return program_end(&p, "test error: %.2f %% (%lld of %lld)",
                       100 * (double)m.count / (double)m.images, (long long)m.count,
                       (long long)m.images);
}
