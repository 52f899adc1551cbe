/* Integrals of the gamma density, and its quantiles.
 *
 * With t = x e^-s or t = x e^s, the integrals of the density below and above x are
 *
 *   P(a, x) = w (1 + x I_0)     w = x^a e^-x / Gamma(a+1)
 *   1 - P(a, x) = a w J_0
 *   I_j = the integral of (-s)^j exp(-(a+1) s + x (1 - e^-s)),  s from 0 to infinity
 *   J_j = the integral of s^j exp(a s - x (e^s - 1))
 *
 * where P(a, x) = w + P(a+1, x) was used for the first. Derivatives by a turn I_j into I_(j+1), and
 * J_j into J_(j+1). Those of w are w B_k, where B_0 = 1, B_1 = log x - psi(a+1), and the others
 * follow by the recursion of the complete Bell polynomials, since the derivatives of B_1 are
 * -psi', -psi'', ... at a+1. So all that is asked for is a sum of integrals, in which nothing
 * cancels in first derivatives. P is used for x < max(a, 1), and 1 - P for other x. There the
 * exponents fall from 0 on, and fall faster and faster, so that Gauss-Legendre quadrature on the
 * piece where they are above -38 - 4 n, n the order, is right to rounding; it costs the same for
 * any a. */
#include "gamma.h"

#include <float.h>
#include <math.h>

#include "special.h"

/* Gauss-Legendre quadrature with 48 nodes on -1 to 1: the positive nodes and their weights */
enum { NODES = 24 };
static const double nodes[NODES][2] = {
    { 0.9987710072524261186, 0.0031533460523058386327 },
    { 0.99353017226635075755, 0.0073275539012762621024 },
    { 0.98412458372282685774, 0.01147723457923453949 },
    { 0.97059159254624725046, 0.015579315722943848728 },
    { 0.95298770316043086072, 0.019616160457355527814 },
    { 0.93138669070655433311, 0.023570760839324379141 },
    { 0.90587913671556967282, 0.0274265097083569482 },
    { 0.87657202027424788591, 0.031167227832798088902 },
    { 0.84358826162439353071, 0.034777222564770438893 },
    { 0.80706620402944262708, 0.038241351065830706317 },
    { 0.76715903251574033925, 0.041545082943464749214 },
    { 0.72403413092381465467, 0.044674560856694280419 },
    { 0.67787237963266390521, 0.047616658492490474826 },
    { 0.628867396776513624, 0.050359035553854474958 },
    { 0.57722472608397270382, 0.052890189485193667096 },
    { 0.52316097472223303368, 0.055199503699984162868 },
    { 0.46690290475095840454, 0.057277292100403215705 },
    { 0.40868648199071672992, 0.059114839698395635746 },
    { 0.34875588629216073816, 0.060704439165893880053 },
    { 0.28736248735545557674, 0.062039423159892663904 },
    { 0.22476379039468906122, 0.063114192286254025657 },
    { 0.16122235606889171806, 0.063924238584648186624 },
    { 0.09700469920946269893, 0.064466164435950082207 },
    { 0.032380170962869362033, 0.064737696812683922503 }
};

/* -- Numbers that would cancel if they were found by their formulas */

/* e^s - 1 - s */
static double beyond_linear(double s)
{
    static const double terms[] = { /* 1 / k! for k = 15 to 2 */
        1 / 1307674368000.0, 1 / 87178291200.0, 1 / 6227020800.0, 1 / 479001600.0, 1 / 39916800.0,
        1 / 3628800.0, 1 / 362880.0, 1 / 40320.0, 1 / 5040.0, 1 / 720.0, 1 / 120.0, 1 / 24.0,
        1 / 6.0, 1 / 2.0
    };
    double sum = 0;
    if (fabs(s) > 0.6)
        return expm1(s) - s;
    for (int k = 0; k < 14; k++)
        sum = sum * s + terms[k];
    return sum * s * s;
}

/* m - log(1 + m): with r = m / (2 + m), log(1 + m) is 2 (r + r^3 / 3 + r^5 / 5 + ...) */
static double above_log(double m)
{
    double r = m / (2 + m), sum = 0;
    if (fabs(m) > 0.4)
        return m - log1p(m);
    for (int k = 27; k >= 3; k -= 2)
        sum = sum * r * r + 1.0 / k;
    return r * (m - 2 * r * r * sum);
}

/* log w. For a >= 10, by Stirling's series (DLMF 5.11.1) */
static double log_weight(double a, double x)
{
    if (a < 10)
        return a * log(x) - x - ct__log_gamma(a + 1);
    double z = 1 / a / a;
    double series = (1 / 12.0 - z * (1 / 360.0 - z * (1 / 1260.0 - z * (1 / 1680.0 - z *
                    (1 / 1188.0 - z * (691 / 360360.0)))))) / a;
    return -a * above_log((x - a) / a) - 0.5 * (log(a) + 1.83787706640934548356) - series;
}

/* B_1 = log x - psi(a + 1). For a >= 10, by the series of psi (DLMF 5.11.2) */
static double log_slope(double a, double x)
{
    if (a < 10)
        return log(x) - ct__polygamma(0, a + 1);
    double m = (x - a) / a, z = 1 / a / a;
    double series = z * (1 / 12.0 - z * (1 / 120.0 - z * (1 / 252.0 - z * (1 / 240.0 - z *
                    (1 / 132.0 - z * (691 / 32760.0 - z / 12))))));
    return (fabs(m) < 0.5 ? log1p(m) : log(x / a)) - 0.5 / a + series;
}

/* -- The integrals: m[j] = I_j (with `below`) or J_j, j = 0 to n. The exponent is
 * -(d s + x (e^(sign s) - 1 - sign s)), where d is a + 1 - x or x - a */
static void integrals(double *m, int n, double a, double x, bool below)
{
    const double sign = below ? -1 : 1, d = below ? a + 1 - x : x - a, lowest = 38 + 4 * n;
    double end = fmin(lowest / d, sqrt(2 * lowest / x));
    for (int step = 0; step < 5; step++) /* Newton's: from above, once it is above */
        end += (lowest - d * end - x * beyond_linear(sign * end)) /
               (d + x * sign * expm1(sign * end));
    for (int j = 0; j <= n; j++)
        m[j] = 0;
    for (int i = 0; i < 2 * NODES; i++) {
        double t = i % 2 ? -nodes[i / 2][0] : nodes[i / 2][0], s = 0.5 * end * (1 + t);
        double term = 0.5 * end * nodes[i / 2][1] * exp(-d * s - x * beyond_linear(sign * s));
        for (int j = 0; j <= n; j++, term *= sign * s)
            m[j] += term;
    }
}

static bool is_below(double a, double x)
{
    return x < fmax(a, 1);
}

/* -- Quantiles, by Newton's method: for log P = log u as a function of log x, whose derivative is
 * a / (1 + x I_0), or for log(1 - P) = log(1 - u) as a function of x, with derivative
 * -1 / (x J_0). The first is concave, and the second nearly linear, so that it converges from
 * anywhere; the start is W-H, Wilson and Hilferty's approximation (1931), or for small x what w = u
 * gives. */
static double first_guess(double a, double u)
{
    double z = 1.41421356237309504880 * ct__erfinv(2 * u - 1);
    double t = 1 - 1 / (9 * a) + z / (3 * sqrt(a));
    if (a >= 1 && t > 0.3)
        return a * t * t * t;
    return exp(fmin((log(u) + ct__log_gamma(a + 1)) / a, 0));
}

double ct__gamma_quantile(double a, double u)
{
    double x = first_guess(a, u), off = 1, integral;
    if (a < 1 && x < 1e-17)
        return x;
    for (int step = 0; step < 60 && fabs(off) > 1e-9; step++) {
        bool below = is_below(a, x);
        integrals(&integral, 0, a, x, below);
        if (below) {
            double sum = 1 + x * integral;
            off = log(u) - log_weight(a, x) - log(sum);
            x *= exp(fmax(off * sum / a, -700));
        } else {
            off = log_weight(a, x) + log(a * integral) - log1p(-u);
            x = fmax(x + off * (x * integral), x / 2);
        }
    }
    return x;
}

/* -- The derivatives of P by a */

/* b[k] = B_k, k = 0 to n: B_(k+1) = the sum of binomial(k, i) B_(k-i) c_i, where c_0 = B_1, and c_i
 * is its i-th derivative by a */
static void bell(double *b, int n, double a, double x)
{
    b[0] = 1;
    for (int k = 0; k < n; k++) {
        double binomial = 1;
        b[k + 1] = 0;
        for (int i = 0; i <= k; i++) {
            double c = i == 0 ? log_slope(a, x) : -ct__polygamma(i, a + 1);
            b[k + 1] += binomial * b[k - i] * c;
            binomial = binomial * (k - i) / (i + 1);
        }
    }
}

double ct__gamma_slope(int n, double a, double x)
{
    double b[CT__GAMMA_ORDERS + 1], m[CT__GAMMA_ORDERS + 1], sum = 0, binomial = 1;
    bool below = is_below(a, x);
    if (x <= 0)
        return 0;
    bell(b, n, a, x);
    integrals(m, n, a, x, below);
    m[0] = below ? 1 + x * m[0] : m[0];
    for (int k = 0; k <= n; k++) {
        double by_weight = below || k == 0 ? b[k] : b[k] + k / a * b[k - 1]; /* a w, or w */
        sum += binomial * by_weight * m[n - k] * (below && k < n ? x : 1);
        binomial = binomial * (n - k) / (k + 1);
    }
    return below ? -x / a * sum : x * sum;
}
