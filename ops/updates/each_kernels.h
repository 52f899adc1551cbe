/* The loop round every rule of update: the decay of w, then the rule for one element, which gets h
 * and its slots p, q, r. A rule leaves the slots that its options do not use alone. */
typedef void K(one)(REAL *w, REAL h, REAL *p, REAL *q, REAL *r, const ct__numbers *a);

static UPDATE_INLINE void K(each)(int64_t n, void *const *data, const int64_t *stride,
                                  const void *arg, K(one) *rule)
{
    const ct__numbers a = *(const ct__numbers *)arg;
    const int i0 = a.at[0], i1 = a.at[1], i2 = a.at[2];
    REAL *restrict w = data[0], *restrict p = data[i0], *restrict q = data[i1];
    REAL *restrict r = data[i2], decay = (REAL)a.decay, shrink = (REAL)a.shrink;
    const REAL *g = data[1];
    int64_t sw = stride[0], sg = stride[1], sp = stride[i0], sq = stride[i1], sr = stride[i2];
    if (sw == 1 && sg == 1 && sp == 1 && sq == 1 && sr == 1)
        for (int64_t i = 0; i < n; i++) {
            REAL h = g[i] + decay * w[i];
            w[i] *= shrink;
            rule(&w[i], h, &p[i], &q[i], &r[i], &a);
        }
    else
        for (int64_t i = 0; i < n; i++) {
            REAL h = g[i * sg] + decay * w[i * sw];
            w[i * sw] *= shrink;
            rule(&w[i * sw], h, &p[i * sp], &q[i * sq], &r[i * sr], &a);
        }
}
#undef UPDATE
#define UPDATE(name)                                                                            \
    static void K(name)(int64_t n, void *const *data, const int64_t *stride, const void *arg)   \
    {                                                                                           \
        K(each)(n, data, stride, arg, K(name##_one));                                           \
    }
