/* digits: a network learns to read digits, on an engine whose gradients are checked first.
 *
 * options -> data (read, or drawn) -> net -> gradient check -> training -> report.html */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "report.h"

static ct_module *net_for(ct_context *cx, const options *o)
{
    int64_t sizes[MAX_HIDDEN + 2] = { PIXELS };
    for (int i = 0; i < o->hidden_count; i++)
        sizes[i + 1] = o->hidden[i];
    sizes[o->hidden_count + 1] = CLASSES;
    return ct_mlp_new(cx, CT_F32, sizes, o->hidden_count + 2, o->activation, NULL);
}

static bool load(data *d, ct_context *cx, const options *o)
{
    double start = seconds_now();
    if (!data_load(d, cx, o))
        return false;
    printf("%s: %lld images to learn from, %lld to be tested on (%.1f s)\n", d->source,
           (long long)ct_size(d->train.x, 0), (long long)ct_size(d->test.x, 0),
           seconds_now() - start);
    return true;
}

/* the exit status */
static int complain(const char *what, const char *why)
{
    fflush(stdout);
    fprintf(stderr, "digits: %s%s%s\n", what, *what ? ": " : "", why);
    return EXIT_FAILED;
}

static int run(ct_context *cx, const options *o, const char *path)
{
    data d;
    check c;
    history h;
    mistakes m;
    ct_module *net = net_for(cx, o);
    if (!load(&d, cx, o) || !check_gradients(&c, cx, net, &d.train))
        return complain("", ct_error_text(cx));
    if (!c.passed) {
        complain("", "a gradient is wrong, or could not be checked: nothing is trained");
        return EXIT_GRADIENT;
    }
    if (o->check_only)
        return 0;
    if (!train(&h, cx, net, &d, o) || !mistakes_find(&m, cx, net, &d.test))
        return complain("", ct_error_text(cx));
    if (!report_write(&(report){ o, &d, &c, &h, &m, net }, path))
        return complain(path, strerror(errno));
    printf("pictures: %s\ntest error: %.2f %% (%lld of %lld)\n", path,
           100 * (double)m.count / (double)m.images, (long long)m.count, (long long)m.images);
    return h.interrupted ? EXIT_INTERRUPTED : 0;
}

int main(int argc, char **argv)
{
    options o;
    int status;
    char path[4096];
    if (!options_read(&o, argc, argv, &status))
        return status;
    if (!o.check_only && !report_prepare(o.out, path, sizeof path))
        return complain(path, strerror(errno));
    ct_context *cx = ct_context_new(&(ct_context_options){ .seed = (uint64_t)o.seed,
                                                           .threads = o.threads ? o.threads : -1 });
    if (!cx)
        return complain("", "out of memory");
    status = run(cx, &o, path);
    ct_context_free(cx);
    return status;
}
