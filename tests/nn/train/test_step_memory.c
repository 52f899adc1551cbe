/* The most memory that a training step has at once: the parameters, their gradients and the
 * optimizer's state, the batch, what the rules save, and what the largest operator of the walk
 * backward works in; and at most 10 % beside. */
#include "nets.h"
#include "support.h"

typedef struct sums {
    double saved, room;        /* numbers of 4 bytes */
    double states;             /* of the optimizer, for each parameter */
} sums;

/* x; relu's y, which is behind the pool, and the pool's numbers of a byte, twice; y of the first
 * linear layer; the logits. Backward, gy and gx of the pool */
static sums lenet(void)
{
    const double a = 64 * 20 * 24 * 24, b = 64 * 50 * 8 * 8;
    return (sums){ 64 * (784 + 510) + (a + b) * (1 / 4. + 1 / 16.), .room = a + a / 4 };
}

/* Of each batch norm its x, which is a convolution's y, and of each relu its y. Backward, a block of
 * 16 channels has gy for the way around, and gy and gx of a convolution, whose columns are few */
static sums residual(void)
{
    const double a = 128 * 16 * 14 * 14, b = 128 * 32 * 7 * 7, c = 128 * 64 * 4 * 4;
    return (sums){ 128 * 784 + 6 * a + 5 * b + 5 * c, .room = 3 * a, .states = 1 };
}

/* y of both hidden layers; backward, gy, gx, and products' packed operands */
static sums mlp(void)
{
    return (sums){ 128 * (784 + 512 + 512 + 10), .room = 2 * 128 * 512 + 784 * 512 / 2,
                   .states = 2 };
}

/* x, y, c and the four gates of each step, y - target; backward, gy, its part of the loss, and the
 * gates' cotangents of as many steps as go together */
static sums lstm(void)
{
    const double a = 32 * 32 * 128;
    return (sums){ 8 * a, .room = 2 * a + (512 << 10) / 4 };
}

/* x, q, k, v, y of attention and that with heads side by side, y - target; backward, gy, and gq, gk
 * and gv */
static sums attention(void)
{
    const double a = 16 * 128 * 128;
    return (sums){ 7 * a, .room = 4 * a };
}

/* -- What a step takes */
typedef struct bytes {
    double now, peak;
} bytes;

static void *allocate(size_t n, size_t alignment, void *user)
{
    bytes *b = user;
    b->now += (double)n;
    b->peak = fmax(b->peak, b->now);
    return aligned_alloc(alignment, (n + alignment - 1) / alignment * alignment);
}

static void deallocate(void *p, size_t n, void *user)
{
    bytes *b = user;
    b->now -= (double)n;
    free(p);
}

static ct_context *counted(bytes *b)
{
    return ct_context_new(&(ct_context_options){
        .pool_bytes = -1, .allocator = { allocate, deallocate, b } });
}

/* the peak over what is expected at most */
static double ratio(net_kind kind)
{
    static sums (*const all[NETS])(void) = { lenet, residual, mlp, lstm, attention };
    bytes b = { 0, 0 };
    ct_context *c = counted(&b);
    net a = net_new(c, kind);
    net_step(&a); /* which makes the optimizer's state */
    b.peak = 0;
    net_step(&a);
    ck_assert_int_eq(ct_error(c), CT_OK);
    double want = all[kind]().saved + all[kind]().room + (double)ct_count(a.y);
    want += (double)ct_module_count(a.module) * (2 + all[kind]().states);
    ct_context_free(c);
    return b.peak / (4 * want);
}

#define STEP(kind)                                                                              \
    double r = ratio(kind);                                                                     \
    ck_assert_msg(r <= 1.1, "%s: %g of what is expected", net_names[kind], r);                  \
    ck_assert_msg(r >= 0.9 || step_options(), "%s: %g: more is expected than there is",         \
                  net_names[kind], r)

START_TEST(lenet_step) { STEP(NET_LENET); } END_TEST
START_TEST(residual_step) { STEP(NET_RESIDUAL); } END_TEST
START_TEST(mlp_step) { STEP(NET_MLP); } END_TEST
START_TEST(lstm_step) { STEP(NET_LSTM); } END_TEST
START_TEST(attention_step) { STEP(NET_ATTENTION); } END_TEST

/* where no rule saves anything, there are x and y of one layer at a time */
START_TEST(inference_keeps_one_layer)
{
    bytes b = { 0, 0 };
    ct_context *c = counted(&b);
    net a = net_new(c, NET_LENET);
    ct_inference(c);
    double before = b.peak = b.now, largest = 64 * 20 * 24 * 24;
    ck_assert_ptr_nonnull(ct_module_forward(a.module, a.x));
    ck_assert_double_lt(b.peak - before, 1.1 * 2 * 4 * largest);
    ck_assert_double_lt(b.now - before, 4 * 64 * 10 + 1000); /* y is left */
    ct_context_free(c);
}
END_TEST

Suite *step_memory_suite(void);
Suite *step_memory_suite(void)
{
    const TTest *const tests[] = { lenet_step, residual_step, mlp_step, lstm_step,
                                   attention_step, inference_keeps_one_layer, NULL };
    return make_suite("nn/step_memory", tests);
}
