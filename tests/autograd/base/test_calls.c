/* Every public function on stale tensors, on NULL, and on tensors that it does not expect: covers
 * free.c and ct__explain of tensor.c. The headers are read as text, so that a function which is
 * missing in calls.def fails. */
#include "support.h"

#include <ctype.h>
#include <stdio.h>

/* -- What calls.def refers to */
static ct_tensor *good, *matrix, *image, *labels, *result, *results[8];
static ct_module *module;
static ct_program *program;
static ct_vocabulary *vocabulary;
static double number;
static char room[CT_SHAPE_TEXT];
static ct_gradcheck_report report;

static ct_tensor *identity(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    return x[0];
}

static ct_tensor *pass(ct_tensor *gy, void *user)
{
    (void)user;
    return gy;
}

static ct_status pass_on(const ct_custom_call *c, ct_tensor **gx)
{
    gx[0] = c->gy;
    return CT_OK;
}

/* with x in the place of one of the tensors */
static const ct_recurrent *with(int place, ct_tensor *x)
{
    static ct_recurrent all;
    ct_tensor *in[7] = { matrix, matrix, good, good, matrix, matrix, labels };
    in[place] = x;
    all = (ct_recurrent){ .w_ih = in[0], .w_hh = in[1], .b_ih = in[2], .b_hh = in[3],
                          .h0 = in[4], .c0 = in[5], .lengths = in[6] };
    return &all;
}

static ct_tensor *square(ct_module *self, ct_tensor *x, void *user)
{
    (void)self, (void)user;
    return ct_square(x);
}

/* -- The calls */
typedef struct call {
    const char *function, *who; /* its name; what its messages begin with */
} call;

static const call calls[] = {
#define CALL_AS(function, who, expression) { #function, #who },
#include "calls.def"
#undef CALL_AS
};
enum { CALLS = sizeof calls / sizeof *calls };

static void make(int wanted, ct_tensor *x)
{
    int at = 0;
#define CALL_AS(function, who, expression)                                                      \
    if (at++ == wanted) {                                                                       \
        (void)(expression);                                                                     \
        return;                                                                                 \
    }
#include "calls.def"
#undef CALL_AS
}

static void expect_name(const call *c, const char *of_what)
{
    const char *text = ct_error_text(cx);
    size_t n = strlen(c->who);
    ck_assert_msg(strncmp(text, c->who, n) == 0 && text[n] == ':', "ct_%s(%s) says \"%s\"",
                  c->function, of_what, text);
}

static void make_operands(void)
{
    good = ct_ones(cx, CT_F64, CT_SHAPE(2));
    good = ct_variable(good);
    matrix = ct_ones(cx, CT_F64, CT_SHAPE(2, 2));
    image = ct_ones(cx, CT_F64, CT_SHAPE(2, 2, 2));
    labels = ct_zeros(cx, CT_I64, CT_SHAPE(2));
    program = ct_program_new(cx, identity, NULL, NULL);
    module = ct_module_new(cx, "square", square, NULL);
    vocabulary = ct_vocabulary_new(cx, "ab", NULL);
    result = NULL;
}

/* of the kinds that differ in memory: its own buffer, none, a vertex, a vertex without a buffer */
enum { KINDS = 6 };
static ct_tensor *of_kind(int kind)
{
    switch (kind) {
    case 0:
        return ct_ones(cx, CT_F64, CT_SHAPE(2));
    case 1:
        return ct_detach(good);
    case 2:
        return ct_reshape(matrix, CT_SHAPE(4));
    case 3:
        return ct_square(good);
    case 4:
        return ct_expand(good, CT_SHAPE(3, 2));
    default:
        return ct_share(cx, matrix);
    }
}

/* a tensor whose scope has ended; others lie before and after it, and are gone too */
static ct_tensor *stale(int kind)
{
    ct_scope scope = ct_scope_begin(cx);
    ct_tensor *x = NULL;
    for (int i = 0; i < 100; i++) {
        ct_tensor *t = of_kind(kind);
        x = i == 50 ? t : x;
    }
    ct_scope_end(cx, scope);
    return x;
}

/* with the pool on: so the memory is still there to look at */
static void in_a_pooled_context(void (*body)(void))
{
    ct_context *other = cx;
    ct_context_options options = pooled_options();
    cx = ct_context_new(&options);
    make_operands();
    body();
    ct_context_free(cx);
    cx = other;
}

static void each_stale(void)
{
    for (int i = 0; i < CALLS * KINDS; i++) {
        ct_scope scope = ct_scope_begin(cx);
        make(i / KINDS, stale(i % KINDS));
        ck_assert_msg(ct_error(cx) == CT_ERROR_STALE, "ct_%s of a stale tensor of kind %d: %s",
                      calls[i / KINDS].function, i % KINDS, ct_error_text(cx));
        expect_name(&calls[i / KINDS], "a stale tensor");
        ct_error_clear(cx);
        ct_scope_end(cx, scope);
    }
    ck_assert_ptr_null(result);
}

START_TEST(every_call_names_itself_to_a_stale_tensor)
{
    in_a_pooled_context(each_stale);
}
END_TEST

START_TEST(every_call_names_itself_to_null)
{
    make_operands();
    for (int i = 0; i < CALLS; i++) {
        ct_scope scope = ct_scope_begin(cx);
        make(i, NULL);
        if (ct_error(cx) != CT_OK) /* some may be NULL, and for some there is no context */
            expect_name(&calls[i], "NULL");
        ct_error_clear(cx);
        ct_scope_end(cx, scope);
    }
}
END_TEST

/* -- Odd tensors: an error or a result, and no crash */
enum { ODD = 12 };
static ct_tensor *odd(int kind, ct_context *other)
{
    static double memory[6];
    switch (kind) {
    case 0:
        return ct_scalar(cx, CT_F64, 1);
    case 1:
        return ct_ones(cx, CT_F64, CT_SHAPE(0));
    case 2:
        return ct_ones(cx, CT_I64, CT_SHAPE(2));
    case 3:
        return ct_ones(cx, CT_BOOL, CT_SHAPE(2));
    case 4:
        return ct_ones(cx, CT_F32, CT_SHAPE(2));
    case 5:
        return ct_ones(other, CT_F64, CT_SHAPE(2));
    case 6:
        return ct_ones(cx, CT_F64, CT_SHAPE(1, 1, 1, 1, 1, 1, 1, 2));
    case 7:
        return ct_transpose(ct_ones(cx, CT_F64, CT_SHAPE(3, 2)));
    case 8:
        return ct_square(good);
    case 9:
        return ct_borrow_const(cx, CT_F64, CT_SHAPE(2), memory);
    case 10:
        return ct_expand(good, CT_SHAPE(2, 2));
    default:
        return ct_full(cx, CT_F64, CT_SHAPE(2), NAN);
    }
}

START_TEST(every_call_survives_odd_tensors)
{
    ct_context *other = ct_context_new(NULL);
    make_operands();
    ct_memory before, after;
    for (int i = 0; i < CALLS * ODD; i++) {
        ct_memory_stats(cx, &before);
        ct_scope scope = ct_scope_begin(cx);
        ct_tensor *x = odd(i % ODD, other);
        make(i / ODD, x);
        ct_error_clear(cx), ct_error_clear(other);
        ct_release(result);
        result = NULL;
        ct_scope_end(cx, scope);
        ct_error_clear(cx);
        ct_memory_stats(cx, &after);
        ck_assert_msg(after.scopes == before.scopes, "ct_%s leaves a scope open",
                      calls[i / ODD].function);
    }
    ct_context_free(other);
}
END_TEST

/* -- Completeness: the headers' prototypes with a tensor among the parameters */
static char *text_of(const char *name)
{
    FILE *file = open_header(name);
    char *text = calloc(1, 200000);
    ck_assert_int_gt((int)fread(text, 1, 199999, file), 0);
    fclose(file);
    for (char *at; (at = strstr(text, "/*"));) /* comments become blanks */
        memset(at, ' ', (size_t)(strstr(at, "*/") + 2 - at));
    return text;
}

static bool takes_a_tensor(const char *parameters)
{
    for (const char *at = parameters; (at = strstr(at, "ct_tensor *")); at++)
        if (at[strlen("ct_tensor *")] != '*')
            return true;
    return false;
}

static bool is_listed(const char *function)
{
    for (int i = 0; i < CALLS; i++)
        if (strcmp(calls[i].function, function) == 0)
            return true;
    return false;
}

static int look_through(const char *header)
{
    int found = 0;
    char *text = text_of(header);
    for (char *line = strtok(text, ";"); line; line = strtok(NULL, ";")) {
        char *open = strchr(line, '('), name[64] = "";
        char *start = open;
        while (start && start > line && (isalnum((unsigned char)start[-1]) || start[-1] == '_'))
            start--;
        if (!start || strncmp(start, "ct_", 3) != 0 || strstr(line, "typedef") ||
            !takes_a_tensor(open))
            continue;
        memcpy(name, start + 3, (size_t)(open - start - 3));
        ck_assert_msg(is_listed(name), "ct_%s of %s takes a tensor: calls.def lacks it", name,
                      header);
        found++;
    }
    free(text);
    return found;
}

START_TEST(every_function_is_listed)
{
    static const char *const headers[] = {
        "tensor.h", "autograd.h", "functions.h", "gradcheck.h", "nn/module.h", "nn/layers.h",
        "nn/losses.h", "nn/optimizers.h", "nn/data.h", "nn/train.h", "io.h", NULL };
    int found = 0;
    for (int i = 0; headers[i]; i++)
        found += look_through(headers[i]);
    for (int i = 0; operator_headers[i]; i++)
        found += look_through(operator_headers[i]);
    ck_assert_int_gt(found, 140);
}
END_TEST

Suite *calls_suite(void);
Suite *calls_suite(void)
{
    return make_suite("autograd/calls", (const TTest *[]){
        every_call_names_itself_to_a_stale_tensor, every_call_names_itself_to_null,
        every_call_survives_odd_tensors, every_function_is_listed, NULL });
}
