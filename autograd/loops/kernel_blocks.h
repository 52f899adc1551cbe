/* A flat kernel over runs of any strides. The kernel itself knows stride 1 only. So strided
 * operands are gathered into a block that stays in the first cache, and an operand that repeats one
 * number fills a block once. A result that is added to y, or stored past the caches, is computed in
 * a block first. */

/* y = x, by stores that go past the caches, so that y's lines are not read before they are written.
   */
static void K(stream)(REAL *restrict y, const REAL *restrict x, int64_t n)
{
    int64_t i = 0;
#ifdef CT_SIMD_X86
    for (; i < n && (uintptr_t)(y + i) % 16 != 0; i++)
        y[i] = x[i];
    for (int64_t each = 16 / (int64_t)sizeof(REAL); i + each <= n; i += each)
        _mm_stream_ps((float *)(void *)(y + i), _mm_loadu_ps((const float *)(const void *)(x + i)));
#endif
    for (; i < n; i++)
        y[i] = x[i];
}

static void K(put)(REAL *restrict y, const REAL *restrict x, int64_t n, bool streams)
{
    if (streams)
        K(stream)(y, x, n);
    else
        for (int64_t i = 0; i < n; i++)
            y[i] = (REAL)(y[i] + x[i]);
}

static void K(fill)(REAL *room, REAL x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        room[i] = x;
}

static void K(gather)(REAL *restrict room, const REAL *x, int64_t stride, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        room[i] = x[i * stride];
}

static void K(run_blocks)(int64_t n, void *const *data, const int64_t *stride, const work *w)
{
    REAL room[MOST][BLOCK];
    void *in[MOST];
    REAL *y = data[0];
    bool streams = w->streams && n >= BLOCK, direct = !w->adds && !streams;
    for (int k = 1; k < w->operands; k++) {
        in[k - 1] = room[k];
        if (stride[k] == 0)
            K(fill)(room[k], *(const REAL *)data[k], n < BLOCK ? n : BLOCK);
    }
    for (int64_t i = 0; i < n; i += BLOCK) {
        int64_t m = n - i < BLOCK ? n - i : BLOCK;
        for (int k = 1; k < w->operands; k++) {
            REAL *x = (REAL *)data[k] + i * stride[k];
            if (stride[k] == 1)
                in[k - 1] = x;
            else if (stride[k] != 0)
                K(gather)(room[k], x, stride[k], m);
        }
        REAL *to = direct ? y + i : room[0];
        w->kernel(m, to, in, w->attributes);
        if (!direct)
            K(put)(y + i, to, m, streams);
    }
#ifdef CT_SIMD_X86
    if (streams)
        _mm_sfence(); /* the stores are finished before another thread is told of them */
#endif
}

static void K(run)(int64_t n, void *const *data, const int64_t *stride, const void *arg)
{
    const work *w = arg;
    bool flat = !w->streams || n < BLOCK;
    REAL room[BLOCK];
    for (int k = 1; k < w->operands; k++)
        flat = flat && (stride[k] == 1 || n == 1);
    if (!flat || (w->adds && n > BLOCK)) {
        K(run_blocks)(n, data, stride, w);
        return;
    }
    w->kernel(n, w->adds ? room : data[0], data + 1, w->attributes);
    if (w->adds)
        K(put)(data[0], room, n, false);
}
