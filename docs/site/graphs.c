/* graphs FOLDER: writes the two graphs of the site's first page, chain_rule.html and network.html. */
#include <cotangent.h>
#include <stdio.h>

/* The function of the first tutorial, with its names: z = (x y) sin x */
static ct_tensor *chain_rule(ct_context *cx)
{
    ct_tensor *x = ct_named(ct_variable(ct_scalar(cx, CT_F64, 2)), "x");
    ct_tensor *y = ct_named(ct_variable(ct_scalar(cx, CT_F64, 3)), "y");
    ct_tensor *p = ct_named(ct_mul(x, y), "p"), *s = ct_named(ct_sin(x), "s");
    return ct_named(ct_mul(p, s), "z");
}

/* A network with one hidden layer, and its loss for a batch of 16 */
static ct_tensor *network(ct_context *cx)
{
    ct_module *net = ct_mlp_new(cx, CT_F32, CT_SIZES(4, 8, 3), CT_TANH, NULL);
    ct_tensor *x = ct_named(ct_randn(cx, CT_F32, CT_SHAPE(16, 4)), "x");
    ct_tensor *labels = ct_randint(cx, 0, 3, CT_SHAPE(16));
    ct_tensor *logits = ct_named(ct_module_forward(net, x), "logits");
    return ct_named(ct_cross_entropy(logits, labels), "loss");
}

static int write(ct_context *cx, ct_tensor *y, const char *folder, const char *name)
{
    char path[4096];
    ct_gradcheck_options check = { 0 };
    if (snprintf(path, sizeof path, "%s/%s.html", folder, name) >= (int)sizeof path)
        return 1;
    if (ct_graph_page(y, path, &(ct_graph_options){ .check = &check }) == CT_OK)
        return 0;
    fprintf(stderr, "%s\n", ct_error_text(cx));
    return 1;
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    ct_context *cx = ct_context_new(NULL);
    int failed = write(cx, chain_rule(cx), argv[1], "chain_rule") ||
                 write(cx, network(cx), argv[1], "network");
    ct_context_free(cx);
    return failed;
}
