/* A product by a BLAS: blas NAME FILE, FILE the library. Requests: "product M N K FORM", row-major,
 * A (M,K) and B (K,N), FORM NN, NT (B is stored transposed) or TN (A is). */
#define _POSIX_C_SOURCE 200809L
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* CBLAS: 101 row-major, 111 as it is, 112 transposed. oneDNN's is row-major, with 'N' and 'T' */
typedef void cblas(int order, int ta, int tb, int m, int n, int k, float alpha, const float *a,
                   int lda, const float *b, int ldb, float beta, float *c, int ldc);
typedef int onednn(char ta, char tb, int64_t m, int64_t n, int64_t k, float alpha, const float *a,
                   int64_t lda, const float *b, int64_t ldb, float beta, float *c, int64_t ldc);

static cblas *cblas_sgemm;
static onednn *dnnl_sgemm;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

typedef struct product {
    int m, n, k;
    char form[3];
    const float *a, *b;
    float *c;
} product;

static void run(const product *p, int64_t repeats)
{
    int at = p->form[0] == 'T', bt = p->form[1] == 'T';
    int lda = at ? p->m : p->k, ldb = bt ? p->k : p->n;
    for (int64_t i = 0; i < repeats; i++)
        if (cblas_sgemm)
            cblas_sgemm(101, 111 + at, 111 + bt, p->m, p->n, p->k, 1, p->a, lda, p->b, ldb, 0,
                        p->c, p->n);
        else
            dnnl_sgemm(p->form[0], p->form[1], p->m, p->n, p->k, 1, p->a, lda, p->b, ldb, 0, p->c,
                       p->n);
}

/* three matrices one behind another, not at the same place within a page */
static float *room(size_t size)
{
    static float *numbers;
    if (!numbers && (numbers = aligned_alloc(64, 3 * size * sizeof *numbers)))
        for (size_t i = 0; i < 3 * size; i++)
            numbers[i] = (float)(i % 17) / 17;
    return numbers;
}

static double measure(product *p, int64_t repeats)
{
    const size_t size = 4096 * 4096 + 1040;
    float *numbers = room(size);
    if (!numbers)
        return 0;
    p->a = numbers, p->b = numbers + size, p->c = numbers + 2 * size;
    if (repeats > 1)
        run(p, 1);
    double start = now();
    run(p, repeats);
    return now() - start;
}

int main(int argc, char **argv)
{
    void *library = argc == 3 ? dlopen(argv[2], RTLD_NOW) : NULL;
    if (!library)
        return 1;
    *(void **)&cblas_sgemm = dlsym(library, "cblas_sgemm");
    *(void **)&dnnl_sgemm = dlsym(library, "dnnl_sgemm");
    if (!cblas_sgemm && !dnnl_sgemm)
        return 1;
    char line[100];
    printf("%s\n", argv[1]);
    for (fflush(stdout); fgets(line, sizeof line, stdin); fflush(stdout)) {
        long long repeats;
        product p = { 0 };
        int found = sscanf(line, "%lld product %d %d %d %2s", &repeats, &p.m, &p.n, &p.k, p.form);
        printf("%.0f\n", found == 5 ? measure(&p, repeats) : 0);
    }
    return 0;
}
