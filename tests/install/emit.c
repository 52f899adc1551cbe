/* emit FOLDER SIMD [NAME...]: writes programs as C (ct_program_emit), FOLDER/NAME.c, and for each
 * of them FOLDER/NAME_main.c, which runs it with the same inputs several times, and compares what
 * it gives with what replays gave here, bit for bit. */
#include <cotangent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RUNS = 4, MOST = 4 };

typedef struct job {
    ct_context *cx;
    ct_module *net;
    ct_optimizer *optimizer;
} job;

typedef struct program {
    const char *name;
    ct_functions f;
    int inputs, results;
    /* makes what the program reaches, and the inputs of a run */
    void (*make)(job *j);
    void (*inputs_of)(job *j, ct_tensor **x);
} program;

/* -- A network in use, and in training */
static void make_mlp(job *j)
{
    j->net = ct_mlp_new(j->cx, CT_F32, CT_SIZES(20, 64, 10), CT_TANH, NULL);
}

static void make_sgd(job *j)
{
    int n;
    make_mlp(j);
    ct_tensor *const *w = ct_module_parameters(j->net, &n);
    j->optimizer = ct_sgd_new(w, n, 0.1, &(ct_sgd_options){ .momentum = 0.9,
                                                                 .weight_decay = 0.01 });
}

static void make_adam(job *j)
{
    int n;
    make_mlp(j);
    ct_tensor *const *w = ct_module_parameters(j->net, &n);
    j->optimizer = ct_adam_new(w, n, 0.01, NULL);
}

static ct_tensor *labels(ct_context *cx, int64_t n)
{
    return ct_cast(ct_scale(ct_rand(cx, CT_F32, &n, 1), 9.9), CT_I64);
}

static void rows(job *j, ct_tensor **x)
{
    x[0] = ct_randn(j->cx, CT_F32, CT_SHAPE(48, 20));
    x[1] = labels(j->cx, 48);
}

static ct_status infer(ct_context *cx, ct_tensor *const *x, int n, ct_tensor **y, void *user)
{
    (void)n;
    y[0] = ct_softmax(ct_module_forward(((job *)user)->net, x[0]), -1);
    return ct_error(cx);
}

static ct_status train(ct_context *cx, ct_tensor *const *x, int n, ct_tensor **y, void *user)
{
    job *j = user;
    (void)n;
    y[0] = ct_cross_entropy(ct_module_forward(j->net, x[0]), x[1]);
    ct_backward(y[0]);
    ct_optimizer_step(j->optimizer);
    return ct_error(cx);
}

/* -- The gradient of a solution of an equation, in single numbers */
static void nothing(job *j)
{
    (void)j;
}

static void numbers(job *j, ct_tensor **x)
{
    for (int i = 0; i < 3; i++)
        x[i] = ct_shift(ct_rand(j->cx, CT_F64, NULL, 0), 0.5);
}

static ct_status predators(ct_context *cx, ct_tensor *const *x, int n, ct_tensor **y, void *user)
{
    ct_tensor *rate = ct_variable(ct_contiguous(x[2])), *a = x[0], *b = x[1];
    (void)n, (void)user;
    for (int i = 0; i < 30; i++) {
        ct_tensor *both = ct_mul(a, b);
        ct_tensor *more = ct_sub(ct_mul(rate, a), both), *less = ct_sub(both, ct_sqrt(b));
        a = ct_add(a, ct_scale(more, 0.05));
        b = ct_add(b, ct_scale(less, 0.05));
    }
    y[0] = ct_add(a, b);
    ct_grad(y[0], NULL, &rate, 1, 0, &y[1]);
    return ct_error(cx);
}

/* -- Elementwise functions of larger tensors: groups, and operands that are broadcast */
static void columns(job *j, ct_tensor **x)
{
    x[0] = ct_randn(j->cx, CT_F32, CT_SHAPE(70, 100));
    x[1] = ct_randn(j->cx, CT_F32, CT_SHAPE(70, 1));
}

static ct_status waves(ct_context *cx, ct_tensor *const *x, int n, ct_tensor **y, void *user)
{
    ct_tensor *a = ct_variable(ct_mul(x[1], x[1]));
    (void)n, (void)user;
    y[0] = ct_mul(ct_sin(ct_mul(x[0], a)), ct_exp(ct_neg(ct_square(x[0]))));
    ct_tensor *loss = ct_mean(ct_square(y[0]));
    ct_grad(loss, NULL, &a, 1, 0, &y[1]);
    y[2] = loss;
    return ct_error(cx);
}

/* -- Images */
static void make_cnn(job *j)
{
    ct_context *cx = j->cx;
    int n;
    j->net = ct_sequential_new(cx, (ct_module *[]){
        ct_conv2d_new(cx, CT_F32, 1, 6, 3, NULL), ct_activation_new(cx, CT_RELU),
        ct_max_pool_new(cx, &(ct_pool_options){ .kernel = 2 }), ct_flatten_new(cx),
        ct_linear_new(cx, CT_F32, 6 * 7 * 7, 10, NULL) }, 5);
    ct_tensor *const *w = ct_module_parameters(j->net, &n);
    j->optimizer = ct_adam_new(w, n, 0.01, NULL);
}

static void images(job *j, ct_tensor **x)
{
    x[0] = ct_randn(j->cx, CT_F32, CT_SHAPE(8, 1, 16, 16));
    x[1] = labels(j->cx, 8);
}

/* -- Words, with dropout */
static void make_lstm(job *j)
{
    int n;
    j->net = ct_lstm_new(j->cx, CT_F32, 6, 12, NULL);
    ct_tensor *const *w = ct_module_parameters(j->net, &n);
    j->optimizer = ct_sgd_new(w, n, 0.05, NULL);
}

static void words(job *j, ct_tensor **x)
{
    x[0] = ct_randn(j->cx, CT_F32, CT_SHAPE(5, 3, 6));
}

static ct_status remember(ct_context *cx, ct_tensor *const *x, int n, ct_tensor **y, void *user)
{
    job *j = user;
    (void)n;
    ct_tensor *all = ct_module_forward(j->net, ct_dropout(x[0], 0.3));
    y[0] = ct_mean(ct_square(all));
    ct_backward(y[0]);
    ct_optimizer_step(j->optimizer);
    return ct_error(cx);
}

static const program programs[] = {
    { "mlp", infer, 1, 1, make_mlp, rows },      { "sgd", train, 2, 1, make_sgd, rows },
    { "adam", train, 2, 1, make_adam, rows },    { "ode", predators, 3, 2, nothing, numbers },
    { "waves", waves, 2, 3, nothing, columns },  { "cnn", train, 2, 1, make_cnn, images },
    { "lstm", remember, 1, 1, make_lstm, words },
};

/* -- What compares */
static void put_bytes(FILE *f, const char *name, int run, int i, const ct_tensor *t)
{
    size_t bytes = (size_t)ct_count(t) * ct_dtype_size(ct_dtype_of(t));
    const unsigned char *all = ct_data(ct_contiguous((ct_tensor *)(uintptr_t)t));
    if (!all)
        exit(1);
    fprintf(f, "static const _Alignas(8) unsigned char %s%d_%d[] = {", name, run, i);
    for (size_t k = 0; k < bytes; k++)
        fprintf(f, "%u,", all[k]);
    fprintf(f, "};\n");
}

static const char *type_of(const ct_tensor *t)
{
    static const char *const types[] = { "", "float", "double", "int64_t", "bool" };
    return types[ct_dtype_of(t)];
}

static void put_declaration(FILE *f, const program *p, ct_tensor *const *x, ct_tensor *const *y)
{
    const char *name = p->name;
    fprintf(f, "#include <stdbool.h>\n#include <stdint.h>\n#include <stdio.h>\n"
            "#include <string.h>\ntypedef struct %s %s;\n%s *%s_new(int, int);\n"
            "void %s_free(%s *);\nconst char *%s_error(const %s *);\nint %s_run(%s *", name, name,
            name, name, name, name, name, name, name, name);
    for (int i = 0; i < p->inputs; i++)
        fprintf(f, ", const %s *", type_of(x[i]));
    for (int i = 0; i < p->results; i++)
        fprintf(f, ", %s *", type_of(y[i]));
    fprintf(f, ");\n");
}

static void put_main(FILE *f, const program *p, int simd, ct_tensor *const *y)
{
    fprintf(f, "int main(void)\n{\n    %s *s = %s_new(%d, 1);\n    if (!s)\n        return 2;\n",
            p->name, p->name, simd);
    for (int run = 1; run < RUNS; run++) {
        fprintf(f, "    {\n");
        for (int i = 0; i < p->results; i++)
            fprintf(f, "        static %s y%d[%lld];\n", type_of(y[i]), i,
                    (long long)ct_count(y[i]));
        fprintf(f, "        int status = %s_run(s", p->name);
        for (int i = 0; i < p->inputs; i++)
            fprintf(f, ", (const void *)x%d_%d", run, i);
        for (int i = 0; i < p->results; i++)
            fprintf(f, ", y%d", i);
        fprintf(f, ");\n        if (status)\n            return puts(%s_error(s)), %s_free(s), "
                "10 + status;\n", p->name, p->name);
        for (int i = 0; i < p->results; i++)
            fprintf(f, "        if (memcmp(y%d, y%d_%d, sizeof y%d))\n            return "
                    "puts(\"run %d, result %d differs\"), 4;\n", i, run, i, i, run, i);
        fprintf(f, "    }\n");
    }
    fprintf(f, "    %s_free(s);\n    return 0;\n}\n", p->name);
}

/* -- */
static int write_one(const program *p, const char *folder, int simd)
{
    char path[1024];
    job j = { .cx = ct_context_new(&(ct_context_options){ .seed = 3, .simd = (ct_simd)simd }) };
    snprintf(path, sizeof path, "%s/%s_main.c", folder, p->name);
    FILE *f = fopen(path, "w");
    if (!j.cx || !f)
        return 1;
    p->make(&j);
    ct_program *program = ct_program_new_all(j.cx, p->f, p->results, &j,
                                             &(ct_program_options){ .strict = true });
    ct_tensor *x[RUNS][MOST], *y[MOST] = { NULL };
    for (int run = 0; run < RUNS; run++)
        p->inputs_of(&j, x[run]);
    for (int run = 0; run < RUNS && ct_error(j.cx) == CT_OK; run++) {
        ct_program_run_all(program, x[run], p->inputs, y);
        if (run == 0) {
            snprintf(path, sizeof path, "%s/%s.c", folder, p->name);
            ct_program_emit(program, path);
            put_declaration(f, p, x[0], y);
        }
        for (int i = 0; i < p->inputs && run > 0; i++)
            put_bytes(f, "x", run, i, x[run][i]);
        for (int i = 0; i < p->results && run > 0; i++)
            put_bytes(f, "y", run, i, y[i]);
    }
    put_main(f, p, simd, y);
    fclose(f);
    if (ct_error(j.cx) != CT_OK)
        printf("%s: %s\n", p->name, ct_error_text(j.cx));
    int status = ct_error(j.cx) != CT_OK;
    ct_context_free(j.cx);
    return status;
}

int main(int argc, char **argv)
{
    int status = 0;
    if (argc < 3)
        return 2;
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
        bool wanted = argc == 3;
        for (int k = 3; k < argc; k++)
            wanted = wanted || strcmp(argv[k], programs[i].name) == 0;
        if (wanted)
            status |= write_one(&programs[i], argv[1], atoi(argv[2]));
    }
    return status;
}
