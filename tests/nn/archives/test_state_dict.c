/* Weights of every layer: PyTorch's state_dict is loaded and gives PyTorch's outputs, and what is
 * saved has the same names, shapes and values. tests/nn/torch/state_dict.py wrote the file. */
#include "files.h"
#include "torch/layers.h"

static const char *of_layer(const char *layer, const char *name)
{
    static char text[2][200];
    static int next;
    next = !next;
    snprintf(text[next], sizeof text[next], "%s%s", layer, name);
    return text[next];
}

static ct_archive *pytorch(void)
{
    ct_archive *a = ct_archive_open(cx, CT_SOURCE_ROOT "/tests/nn/torch/state_dict.safetensors",
                                    NULL);
    if (!a) {
        expect_error(CT_ERROR_UNSUPPORTED, "jansson", NULL);
        skip("this build has no jansson");
    }
    return a;
}

/* how many names begin so, up to the first point */
static int count_of(const ct_archive *a, const char *layer)
{
    int n = 0;
    size_t length = strlen(layer);
    for (int i = 0; i < ct_archive_count(a); i++)
        n += strncmp(ct_archive_name(a, i), layer, length) == 0 &&
             ct_archive_name(a, i)[length] == '.';
    return n;
}

/* loads the weights of the layer, all of them and nothing else */
static ct_module *load(ct_archive *a, const torch_layer *l)
{
    ct_module *m = l->make(cx);
    bool norm = strstr(l->name, "weight_norm") || strstr(l->name, "spectral_norm");
    char all[64], bias[64];
    snprintf(all, sizeof all, "%s.*", l->name);
    snprintf(bias, sizeof bias, "%s.bias", l->name);
    const ct_rename renames[] = { { norm ? bias : all, norm ? "module.bias" : "*" }, { all, "*" },
                                  { "*", NULL } };
    ct_load_report report;
    ck_assert_msg(ct_module_load_from(m, a, &(ct_load_options){ .renames = renames, .n = 3 },
                                      &report) == CT_OK, "%s: %s", l->name, ct_error_text(cx));
    ck_assert_int_eq(report.loaded, count_of(a, l->name));
    return m;
}

START_TEST(outputs_are_those_of_pytorch)
{
    ct_archive *a = pytorch();
    ct_inference(cx);
    for (const torch_layer *l = torch_layers; a && l->name; l++) {
        ct_module *m = load(a, l);
        ct_tensor *x = ct_archive_read(a, of_layer(l->name, "/x"), 0);
        ct_tensor *y = ct_archive_read(a, of_layer(l->name, "/y"), 0);
        ct_tensor *memory = l->memory ? ct_archive_read(a, of_layer(l->name, "/memory"), 0) : NULL;
        double error = ct_max_difference(torch_layer_forward(m, x, memory), y);
        expect_ok();
        double most = ct_item(ct_max(ct_abs(y)));
        ck_assert_msg(error <= 1e-6 * (1 + most), "%s: PyTorch's y differs by %g", l->name, error);
    }
}
END_TEST

START_TEST(what_is_saved_is_the_state_dict)
{
    ct_archive *a = pytorch();
    make_folder();
    for (const torch_layer *l = torch_layers; a && l->name; l++) {
        ck_assert_int_eq(ct_module_save(load(a, l), path), CT_OK);
        ct_archive *ours = ct_archive_open(cx, path, NULL);
        ck_assert_int_eq(ct_archive_count(ours), count_of(a, l->name));
        for (int i = 0; i < ct_archive_count(ours); i++) {
            const char *name = ct_archive_name(ours, i), *dot = of_layer(l->name, ".");
            char theirs[300];
            snprintf(theirs, sizeof theirs, "%s%s", dot,
                     strcmp(name, "module.bias") == 0 ? "bias" : name);
            ck_assert_str_eq(ct_archive_dtype(ours, name), ct_archive_dtype(a, theirs));
            ck_assert_double_eq(ct_max_difference(ct_archive_read(ours, name, 0),
                                                  ct_archive_read(a, theirs, 0)), 0);
        }
        expect_ok();
        ct_archive_close(ours);
    }
    remove_folder();
}
END_TEST

Suite *state_dict_suite(void);
Suite *state_dict_suite(void)
{
    return make_suite("nn/state_dict", (const TTest *[]){
        outputs_are_those_of_pytorch, what_is_saved_is_the_state_dict, NULL });
}
