/* What draws become, by the group, for one kind of processor: included with K defined. Loops over
 * arrays that stay in the first cache, which a compiler vectorizes; of fewer lanes gcc unrolls them
 * instead. A normal takes about 25 operations and 9 divisions. */
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

static const kernels K(kernels) = { K(draws), K(uniforms), K(normals) };
#undef EACH
