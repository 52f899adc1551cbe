/* ops/products/einsum.c, einsum_text.c and contract.c: values against plain sums over all indices,
 * gradients by the checker, the order of contraction, messages. */
#include "support.h"

/* -- The same by plain loops, for texts of letters a to h without an ellipsis */
typedef struct plain {
    const char *text;
    ct_tensor *const *x;
    int n;
    int64_t size[8], at[8];
} plain;

static int64_t offset(const ct_tensor *x, const char *term, const plain *p)
{
    int64_t at = 0;
    for (int d = 0; d < ct_ndim(x); d++)
        at += ct_strides(x)[d] * (ct_size(x, d) == 1 ? 0 : p->at[term[d] - 'a']);
    return at;
}

/* the product at one place of all labels, added to y's element there */
static void add_product(const plain *p, long double *y, const ct_tensor *result)
{
    long double product = 1;
    const char *term = p->text;
    for (int k = 0; k < p->n; k++) {
        product *= ct_data_f64(p->x[k])[offset(p->x[k], term, p)];
        term += ct_ndim(p->x[k]) + 1;
    }
    int64_t to = 0;
    for (int d = 0; d < ct_ndim(result); d++) /* after "->" */
        to = to * ct_size(result, d) + p->at[term[1 + d] - 'a'];
    y[to] += product;
}

static void check(const char *text, ct_tensor *const *x, int n)
{
    plain p = { .text = text, .x = x, .n = n };
    for (int l = 0; l < 8; l++)
        p.size[l] = 1;
    const char *term = text;
    int64_t places = 1;
    for (int k = 0; k < n; term += ct_ndim(x[k]) + 1, k++)
        for (int d = 0; d < ct_ndim(x[k]); d++)
            if (ct_size(x[k], d) != 1)
                p.size[term[d] - 'a'] = ct_size(x[k], d);
    for (int l = 0; l < 8; l++)
        places *= p.size[l];
    ct_tensor *y = ct_einsum(text, x, n);
    expect_ok();
    int64_t count = ct_count(y);
    long double *want = calloc((size_t)count + 1, sizeof *want);
    for (int64_t place = 0; place < places; place++) {
        int64_t rest = place;
        for (int l = 7; l >= 0; l--)
            p.at[l] = rest % p.size[l], rest /= p.size[l];
        add_product(&p, want, y);
    }
    double *got = malloc((size_t)(count + 1) * sizeof *got);
    ck_assert_int_eq(ct_to_doubles(y, got, count), CT_OK);
    for (int64_t i = 0; i < count; i++)
        ck_assert_msg(fabs(got[i] - (double)want[i]) <= 1e-12, "%s: element %lld is %.17g, not %.17g",
                      text, (long long)i, got[i], (double)want[i]);
    free(want), free(got);
}

/* a sum or product of many patterns; operand k's axes have the sizes of its letters */
static const char *const texts[] = {
    "ab,bc->ac",    "ba,bc->ac",     "ab,cb->ac",       "ab,cb->ca",     "ab,ab->",
    "ab,ab->ab",    "ab,ab->a",      "ab,ab->ba",       "a,b->ab",       "a,b->ba",
    "ab->",         "ab->b",         "ab->ba",          "aa->a",         "aa->",
    "aba->b",       "aab->ab",       "aaa->a",          "abab->ab",      "abc->cab",
    "abc,abd->acd", "abc,cbd->abd",  "abc,dbc->ad",     "abc,bd,dc->a",  "ab,bc,cd,de->ae",
    "ab,cd->abcd",  "ab,cd->dbca",   "ab,ac,ad->bcd",   "aa,ab,b->a",    "abc,abc,abc->b",
    "abcd,cdef->abef", "abcd,dcfe->faeb", "acbd,ebcf->adef", "a,a,a,a,a,a,a,a,a,a->a",
    "ab,bc,cd,de,ef,fg,gh,ha,ab,bc->ac", "ab,c->ab",    "abc,abc->cba",  "a,ab,abc->abc",
    "abc,bac->ab",  "abcd,bade->abce",
};

static ct_tensor *operand(const char *term, const int64_t *size)
{
    int64_t shape[8];
    int ndim = 0;
    for (; term[ndim] >= 'a'; ndim++)
        shape[ndim] = size[term[ndim] - 'a'];
    return ct_randn(cx, CT_F64, shape, ndim);
}

static int operands(const char *text, const int64_t *size, ct_tensor **x)
{
    int n = 0;
    for (const char *term = text; term; n++) {
        x[n] = operand(term, size);
        term = strpbrk(term, ",-");
        term = *term == ',' ? term + 1 : NULL;
    }
    return n;
}

START_TEST(values)
{
    static const int64_t sizes[][8] = { { 2, 3, 4, 5, 2, 3, 2, 2 }, { 3, 1, 2, 1, 4, 2, 1, 3 },
                                        { 1, 1, 1, 1, 1, 1, 1, 1 }, { 2, 0, 3, 2, 1, 2, 2, 2 } };
    ct_tensor *x[10];
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        for (int k = 0; k < 4; k++) {
            int n = operands(texts[i], sizes[k], x);
            check(texts[i], x, n);
        }
}
END_TEST

START_TEST(axes_of_size_one_are_repeated)
{
    ct_tensor *a = ct_randn(cx, CT_F64, CT_SHAPE(1, 4)), *b = ct_randn(cx, CT_F64, CT_SHAPE(3, 1));
    check("ab,ab->ab", CT_TENSORS(a, b));
    check("ab,ab->", CT_TENSORS(a, b));
    check("ab,cb->ac", CT_TENSORS(b, a));
    check("ab,ba->b", CT_TENSORS(a, ct_randn(cx, CT_F64, CT_SHAPE(4, 3))));
}
END_TEST

static void check_same(ct_tensor *y, ct_tensor *z)
{
    expect_ok();
    ck_assert(ct_same_shape(y, z));
    ck_assert_double_le(ct_max_difference(y, z), 1e-12);
}

START_TEST(an_ellipsis_stands_for_other_axes)
{
    ct_tensor *a = ct_randn(cx, CT_F64, CT_SHAPE(2, 3, 4, 5));
    ct_tensor *b = ct_randn(cx, CT_F64, CT_SHAPE(3, 5, 2));
    check_same(ct_einsum("...ij,...jk->...ik", CT_TENSORS(a, b)), ct_matmul(a, b));
    check_same(ct_einsum("i...j, j...->...i", CT_TENSORS(a, ct_ones(cx, CT_F64, CT_SHAPE(5)))),
               ct_permute(ct_sum_over(a, CT_AXES(3), 0), CT_AXES(1, 2, 0)));
    check_same(ct_einsum("...", CT_TENSORS(a)), a);
    check_same(ct_einsum("i...->i", CT_TENSORS(a)), ct_sum_over(a, CT_AXES(1, 2, 3), 0));
    ct_tensor *c = ct_randn(cx, CT_F64, CT_SHAPE(4, 1));
    check_same(ct_einsum("...,...", CT_TENSORS(a, c)), ct_mul(a, c));
}
END_TEST

START_TEST(without_an_arrow_letters_are_in_order_of_the_alphabet)
{
    ct_tensor *a = ct_randn(cx, CT_F64, CT_SHAPE(2, 3)), *b = ct_randn(cx, CT_F64, CT_SHAPE(3, 4));
    check_same(ct_einsum("ij,jk", CT_TENSORS(a, b)), ct_matmul(a, b));
    check_same(ct_einsum("ki,ij", CT_TENSORS(a, b)), ct_transpose(ct_matmul(a, b)));
    check_same(ct_einsum("ba", CT_TENSORS(a)), ct_transpose(a));
    check_same(ct_einsum("aB", CT_TENSORS(a)), ct_transpose(a));
    check_same(ct_einsum("Az,zZ", CT_TENSORS(a, b)), ct_matmul(a, b)); /* the first, and the last */
    check_same(ct_einsum("ij,ij", CT_TENSORS(a, a)), ct_sum(ct_square(a)));
    check_same(ct_einsum("i...", CT_TENSORS(a)), ct_transpose(a));
}
END_TEST

/* in order, the first product alone would take 1e9 multiplications */
START_TEST(the_cheapest_order_is_taken)
{
    ct_tensor *wide = ct_ones(cx, CT_F64, CT_SHAPE(100000, 3));
    ct_tensor *v = ct_ones(cx, CT_F64, CT_SHAPE(3));
    ct_tensor *tall = ct_ones(cx, CT_F64, CT_SHAPE(3, 100000));
    ct_memory before, after;
    ct_memory_stats(cx, &before);
    expect_shape(ct_einsum("ab,bc,c->a", CT_TENSORS(wide, tall, ct_ones(cx, CT_F64,
                                                                        CT_SHAPE(100000)))),
                 CT_SHAPE(100000));
    ck_assert_double_eq(ct_item(ct_einsum("ab,bc,c,b,b,b,b,b,b,b->", CT_TENSORS(
        wide, tall, ct_ones(cx, CT_F64, CT_SHAPE(100000)), v, v, v, v, v, v, v))), 3e10);
    ct_memory_stats(cx, &after);
    ck_assert_int_lt(after.peak_bytes - before.live_bytes, 20000000);
    expect_ok();
}
END_TEST

static ct_tensor *by_text(ct_context *c, ct_tensor *const *x, int n, void *text)
{
    (void)c;
    return ct_einsum(text, x, n);
}

START_TEST(derivatives)
{
    static const char *const some[] = { "ab,bc->ac", "ba,cb->ac", "aa->a", "aab,b->a", "ab->",
                                        "abc,bd,dc->a", "ab,ab->ba", "a,b->ab", "ab,bc,cd,de->ae" };
    static const int64_t size[8] = { 2, 3, 2, 3, 2 };
    ct_tensor *x[10];
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        int n = operands(some[i], size, x);
        ct_gradcheck_options options = { .order = 2 };
        ct_gradcheck_report report;
        ct_verdict verdict = ct_gradcheck(cx, by_text, (void *)some[i], x, n, &options, &report);
        ck_assert_msg(verdict == CT_GRADCHECK_PASS, "%s: %s", some[i], report.diagnosis);
    }
}
END_TEST

START_TEST(messages)
{
    ct_tensor *a = ct_ones(cx, CT_F64, CT_SHAPE(2, 3)), *f = ct_ones(cx, CT_F32, CT_SHAPE(2, 3));
    static const struct {
        const char *text, *says;
    } rows[] = {
        { "ij,jk->ik", "more terms than operands" }, { "i", "names 1" }, { "ijk", "names 3" },
        { "i1", "letters" },                         { "ij->ik", "in no operand" },
        { "ij->ii", "occurs twice" },                { "ij-ij", "followed by" },
        { "ij->ij,j", "one term" },                  { "......", "one ellipsis" },
        { "i..j", "letters" },                       { "ij->i>", "letters" },
        { "abcdefghi", "8 axes" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ck_assert_ptr_null(ct_einsum(rows[i].text, CT_TENSORS(a)));
        ct_status code = ct_error(cx);
        expect_error(code, "einsum", rows[i].text, rows[i].says, NULL);
    }
    ck_assert_ptr_null(ct_einsum("ij", CT_TENSORS(a, a)));
    expect_error(CT_ERROR_VALUE, "more operands than terms", NULL);
    ck_assert_ptr_null(ct_einsum("ij,jk->ik", CT_TENSORS(a, a)));
    expect_error(CT_ERROR_SHAPE, "operand 1 (2,3) has size 2 at \"j\"", "size 3 before", NULL);
    ck_assert_ptr_null(ct_einsum("ii", CT_TENSORS(a)));
    expect_error(CT_ERROR_SHAPE, "\"i\"", NULL);
    ck_assert_ptr_null(ct_einsum("...,...", CT_TENSORS(a, ct_transpose(a))));
    expect_error(CT_ERROR_SHAPE, "at axis -2 of ...", NULL);
    ck_assert_ptr_null(ct_einsum("ij,ij", CT_TENSORS(a, f)));
    expect_error(CT_ERROR_DTYPE, "ct_cast", NULL);
    ck_assert_ptr_null(ct_einsum(NULL, CT_TENSORS(a)));
    expect_error(CT_ERROR_NULL, "text", NULL);
    ck_assert_ptr_null(ct_einsum("ij,ij", CT_TENSORS(a, NULL)));
    expect_error(CT_ERROR_NULL, "einsum", "operand 1 is NULL", NULL);
    ct_tensor *many[65];
    for (int i = 0; i < 65; i++)
        many[i] = a;
    ck_assert_ptr_null(ct_einsum("ij", many, 65));
    expect_error(CT_ERROR_VALUE, "64", NULL);
    ct_tensor *large = ct_ones(cx, CT_F64, CT_SHAPE(1, 1, 1, 1, 1));
    ck_assert_ptr_null(ct_einsum("abcde,fghij->abcdefghij", CT_TENSORS(large, large)));
    expect_error(CT_ERROR_VALUE, "8 axes", NULL);
    ck_assert_ptr_null(ct_einsum("...,fghij->...fghij", CT_TENSORS(large, large)));
    expect_error(CT_ERROR_VALUE, "more than 8", NULL);
}
END_TEST

static void use_all(ct_context *c)
{
    ct_tensor *a = ct_variable(ct_ones(c, CT_F64, CT_SHAPE(2, 3, 3)));
    ct_tensor *b = ct_ones(c, CT_F64, CT_SHAPE(4, 3));
    ct_backward(ct_sum(ct_einsum("aii,bi,b->ab", CT_TENSORS(a, b, ct_ones(c, CT_F64, CT_SHAPE(4))))));
}

START_TEST(out_of_memory)
{
    for_each_failing_allocation(use_all);
}
END_TEST

Suite *einsum_suite(void);
Suite *einsum_suite(void)
{
    return make_suite("einsum", (const TTest *const[]){
        values, axes_of_size_one_are_repeated, an_ellipsis_stands_for_other_axes,
        without_an_arrow_letters_are_in_order_of_the_alphabet, the_cheapest_order_is_taken,
        derivatives, messages, out_of_memory, NULL });
}
