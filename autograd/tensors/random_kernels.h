/* Draws by the group, and the numbers that they become, in f64. The loops run over arrays that stay
 * in the first cache, and a compiler vectorizes them; of fewer lanes gcc unrolls them instead. A
 * normal takes about 25 operations and 9 divisions. */
/* the draws of LANES blocks, side by side */
#if VECTOR_BYTES >= 32
/* Words lie in the lower halves of 64 bits, which the instruction multiplies; the upper ones hold
 * what they may. 2.5 times as quick as what gcc makes of the loop */
static void K(draws)(uint64_t seed, uint64_t block, uint64_t out[DRAWS])
{
    enum { CHAINS = 2 }; /* hide a product's latency */
    const __m256i m0 = _mm256_set1_epi64x(0xD2511F53u), m1 = _mm256_set1_epi64x(0xCD9E8D57u);
    const __m256i low = _mm256_set1_epi64x(0xFFFFFFFFu);
    for (int i = 0; i < LANES; i += 4 * CHAINS, block += 4 * CHAINS) {
        __m256i c[CHAINS][4];
        uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
        for (int h = 0; h < CHAINS; h++) {
            __m256i first = _mm256_set1_epi64x((int64_t)block + 4 * h);
            c[h][0] = _mm256_add_epi64(first, _mm256_setr_epi64x(0, 1, 2, 3));
            c[h][1] = _mm256_srli_epi64(c[h][0], 32);
            c[h][2] = c[h][3] = _mm256_setzero_si256();
        }
        for (int round = 0; round < 10; round++) {
            __m256i v0 = _mm256_set1_epi64x(k0), v1 = _mm256_set1_epi64x(k1);
            for (int h = 0; h < CHAINS; h++) {
                __m256i p0 = _mm256_mul_epu32(c[h][0], m0), p1 = _mm256_mul_epu32(c[h][2], m1);
                __m256i h0 = _mm256_srli_epi64(p0, 32), h1 = _mm256_srli_epi64(p1, 32);
                c[h][0] = _mm256_xor_si256(_mm256_xor_si256(h1, c[h][1]), v0);
                c[h][1] = p1;
                c[h][2] = _mm256_xor_si256(_mm256_xor_si256(h0, c[h][3]), v1);
                c[h][3] = p0;
            }
            k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
        }
        for (int h = 0; h < CHAINS; h++) { /* block 0 1 2 3, first and second draws -> in turn */
            __m256i x = _mm256_or_si256(_mm256_slli_epi64(c[h][1], 32),
                                        _mm256_and_si256(c[h][0], low));
            __m256i y = _mm256_or_si256(_mm256_slli_epi64(c[h][3], 32),
                                        _mm256_and_si256(c[h][2], low));
            __m256i even = _mm256_unpacklo_epi64(x, y), odd = _mm256_unpackhi_epi64(x, y);
            __m256i *to = (__m256i *)(void *)(out + 2 * (i + 4 * h));
            _mm256_storeu_si256(to, _mm256_permute2x128_si256(even, odd, 0x20));
            _mm256_storeu_si256(to + 1, _mm256_permute2x128_si256(even, odd, 0x31));
        }
    }
}
#else
static void K(draws)(uint64_t seed, uint64_t block, uint64_t out[DRAWS])
{
    uint32_t c0[LANES], c1[LANES], c2[LANES] = { 0 }, c3[LANES] = { 0 };
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int i = 0; i < LANES; i++) {
        c0[i] = (uint32_t)(block + (uint64_t)i);
        c1[i] = (uint32_t)((block + (uint64_t)i) >> 32);
    }
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < LANES; i++) {
            uint64_t p0 = (uint64_t)0xD2511F53u * c0[i], p1 = (uint64_t)0xCD9E8D57u * c2[i];
            c0[i] = (uint32_t)(p1 >> 32) ^ c1[i] ^ k0;
            c1[i] = (uint32_t)p1;
            c2[i] = (uint32_t)(p0 >> 32) ^ c3[i] ^ k1;
            c3[i] = (uint32_t)p0;
        }
        k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
    }
    for (int i = 0; i < LANES; i++) {
        out[2 * i] = (uint64_t)c1[i] << 32 | c0[i];
        out[2 * i + 1] = (uint64_t)c3[i] << 32 | c2[i];
    }
}
#endif

#define EACH for (int i = 0; i < LANES; i++)

static void K(uniforms)(const uint64_t bits[DRAWS], double out[DRAWS])
{
    for (int i = 0; i < DRAWS; i++)
        out[i] = uniform(bits[i]);
}

/* log x for 0 < x <= 1: x = 2^e m, m in [sqrt 1/2, sqrt 2); log m = 2 artanh s, s = (m-1)/(m+1),
 * |s| < 0.172, a series of s^2 < 0.0295: twelve terms leave less than 1e-18 */
static void K(logarithms)(const double x[LANES], double out[LANES])
{
    double e[LANES], s[LANES], s2[LANES], sum[LANES];
    EACH {
        uint64_t bits = bits_of(x[i]);
        double m = double_of((bits & 0xFFFFFFFFFFFFFu) | 0x3FE0000000000000u);
        bool low = m < 0.70710678118654752;
        e[i] = small(bits >> 52) - 1022 - low;
        m = low ? m * 2 : m;
        s[i] = (m - 1) / (m + 1);
        s2[i] = s[i] * s[i];
        sum[i] = 0;
    }
    for (int k = 23; k >= 3; k -= 2)
        EACH sum[i] = (sum[i] + 1.0 / k) * s2[i];
    EACH out[i] = e[i] * 0.69314718055994530942 + 2 * s[i] * (1 + sum[i]);
}

/* sin and cos of 2 pi u, 0 <= u < 1: to an eighth of a turn by symmetry, then the power series */
static void K(turns)(const double u[LANES], double sine[LANES], double cosine[LANES])
{
    double quarter[LANES], a[LANES], a2[LANES];
    EACH {
        quarter[i] = (double)(int32_t)(u[i] * 4 + 0.5);
        a[i] = (u[i] - quarter[i] * 0.25) * 6.28318530717958647693;
        a2[i] = a[i] * a[i];
        sine[i] = cosine[i] = 1;
    }
    for (int k = 18; k >= 2; k -= 2)
        EACH {
            sine[i] = 1 - sine[i] * a2[i] / (k * (k + 1));
            cosine[i] = 1 - cosine[i] * a2[i] / (k * (k - 1));
        }
    EACH {
        double q = quarter[i], s = sine[i] * a[i], c = cosine[i];
        bool swap = q == 1 || q == 3;
        double to_sine = swap ? c : s, to_cosine = swap ? s : c;
        sine[i] = q == 2 || q == 3 ? -to_sine : to_sine;
        cosine[i] = q == 1 || q == 2 ? -to_cosine : to_cosine;
    }
}

/* Box and Muller (1958): sqrt(-2 log u) cos 2 pi v and ... sin, u in (0, 1] */
static void K(normals)(const uint64_t bits[DRAWS], double out[DRAWS])
{
    double u[LANES], v[LANES], logarithm[LANES], sine[LANES], cosine[LANES];
    EACH {
        u[i] = 1 - uniform(bits[2 * i]);
        v[i] = uniform(bits[2 * i + 1]);
    }
    K(logarithms)(u, logarithm);
    K(turns)(v, sine, cosine);
    EACH {
        double radius = sqrt(-2 * logarithm[i]);
        out[2 * i] = radius * cosine[i];
        out[2 * i + 1] = radius * sine[i];
    }
}

#undef EACH
