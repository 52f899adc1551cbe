/* Kernels of cumprod.c. Per element of a product: 1 read, 1 write, 1 multiplication and 4
 * comparisons. Per element of a balance: 1 read, 3 writes, and some 6 calls of libm. */
static void K(cumprod)(int64_t n, void *const *data, const int64_t *stride, const void *arg)
{
    const ct__path *p = arg;
    for (int64_t j = 0; j < n; j++) {
        REAL *y = (REAL *)data[0] + p->first[0] + j * stride[0];
        const REAL *x = (const REAL *)data[1] + p->first[1] + j * stride[1];
        ct__product product = { 1, 0 };
        for (int64_t i = 0; i < p->length; i++) {
            ct__multiply(&product, (double)x[i * p->step[1]]);
            y[i * p->step[0]] = (REAL)ct__product_value(&product);
        }
    }
}

/* 2^power, brought into a range where it and its reciprocal are normal numbers. */
static REAL K(power_of_two)(int64_t power)
{
    int64_t most = IS_F32 ? 120 : 1000;
    return (REAL)ldexp(1, (int)(power > most ? most : power < -most ? -most : power));
}

/* The operands are scale, first, second, x. The running product of x * scale is kept between 1/2
 * and 1: scale takes off the exponent that each x brings. */
static void K(balance)(int64_t n, void *const *data, const int64_t *stride, const void *arg)
{
    const ct__path *p = arg;
    for (int64_t j = 0; j < n; j++) {
        REAL *to[3];
        for (int k = 0; k < 3; k++)
            to[k] = (REAL *)data[k] + p->first[k] + j * stride[k];
        const REAL *x = (const REAL *)data[3] + p->first[3] + j * stride[3];
        double running = 1;
        int64_t power = 0;
        for (int64_t i = 0; i < p->length; i++) {
            double next = (double)x[i * p->step[3]];
            int of_x = 0, of_product = 0;
            REAL scale = 1;
            if (isfinite(next) && next != 0) {
                double product = frexp(running * frexp(next, &of_x), &of_product);
                scale = K(power_of_two)(-of_x - of_product);
                int taken = -ilogb((double)scale);
                running = ldexp(product, of_x + of_product - taken);
                power += taken;
            }
            to[0][i * p->step[0]] = scale;
            to[1][i * p->step[1]] = K(power_of_two)(power / 2);
            to[2][i * p->step[2]] = K(power_of_two)(power - power / 2);
        }
    }
}
