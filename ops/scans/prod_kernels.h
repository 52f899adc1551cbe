/* Kernels of prod.c: the product as a fold (op.h: ct_fold). It keeps the factor of a product and
 * its power of 2, in two parts, so that it is exact in f32 too. Per element: 1 read, 1
 * multiplication, 4 comparisons. */
enum { K(PART) = 1 << 20 };

static ct__product K(kept_product)(int64_t m, int64_t j, const REAL *kept)
{
    int64_t high = (int64_t)kept[m + j], low = (int64_t)kept[2 * m + j];
    return (ct__product){ (double)kept[j], high * K(PART) + low };
}

static void K(keep_product)(int64_t m, int64_t j, REAL *kept, ct__product p)
{
    ct__normalize(&p);
    kept[j] = (REAL)p.factor;
    kept[m + j] = (REAL)(p.power / K(PART));
    kept[2 * m + j] = (REAL)(p.power % K(PART));
}

static void K(start_product)(int64_t m, void *kept)
{
    for (int64_t j = 0; j < 3 * m; j++)
        ((REAL *)kept)[j] = j < m ? 1 : 0;
}

static void K(fold_product)(int64_t m, int64_t n, void *kept, const void *data, int64_t sm,
                            int64_t sn)
{
    for (int64_t j = 0; j < m; j++) {
        const REAL *x = (const REAL *)data + j * sm;
        ct__product p = K(kept_product)(m, j, kept);
        for (int64_t i = 0; i < n; i++)
            ct__multiply(&p, (double)x[i * sn]);
        K(keep_product)(m, j, kept, p);
    }
}

static void K(join_product)(int64_t m, void *kept, const void *with)
{
    for (int64_t j = 0; j < m; j++) {
        ct__product p = K(kept_product)(m, j, kept), by = K(kept_product)(m, j, with);
        ct__multiply(&p, by.factor);
        p.power += by.power;
        K(keep_product)(m, j, kept, p);
    }
}

static void K(finish_product)(int64_t m, const void *kept, void *data, int64_t stride, void *arg)
{
    (void)arg;
    for (int64_t j = 0; j < m; j++) {
        ct__product p = K(kept_product)(m, j, kept);
        ((REAL *)data)[j * stride] = (REAL)ct__product_value(&p);
    }
}

static const ct_fold K(product) = {
    3, K(start_product), K(fold_product), K(join_product), K(finish_product)
};
