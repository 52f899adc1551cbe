/* Functions that libm lacks, for one or two double numbers. */
#include "special.h"

#include <math.h>
#include <stdbool.h>

#define PI           3.14159265358979323846
#define LOG_2        0.69314718055994530942
#define SQRT_PI_HALF 0.88622692545275801365 /* sqrt(pi) / 2 */

/* -- The logarithm of the gamma function. C's lgamma writes the sign of Gamma into a global
 * variable, signgam, and so races with itself in other threads; lgamma_r, which systems with
 * signgam have beside it, writes it where it is told to. */
#if defined(_WIN32)
double ct__log_gamma(double x)
{
    return lgamma(x);
}
#else
double lgamma_r(double x, int *sign);

double ct__log_gamma(double x)
{
    int sign;
    return lgamma_r(x, &sign);
}
#endif

/* -- The inverse of the error function
 *
 * The first guess is right to 0.2 % (S. Winitzki, A handy approximation for the error function and
 * its inverse, 2008): y^2 = s - t with t = 2 / (pi c) + l / 2, s = sqrt(t^2 - l / c), c = 0.147 and
 * l = log(1 - x^2). Halley's method makes three times as many digits of it at each step: with
 * u = (erf y - x) / erf' y, and erf'' / erf' = -2 y, the step is -u / (1 + y u). Near 1, erf y - x
 * is found from 1 - x, which is exact there, and erfc y, so that it keeps its digits. */
double ct__erfinv(double x)
{
    const double a = fabs(x), c = 0.147;
    if (!(a < 1))
        return a == 1 ? copysign(INFINITY, x) : NAN;
    double l = log1p(-a * a), t = 2 / (PI * c) + l / 2, s = sqrt(t * t - l / c);
    double y = a < 1e-8 ? SQRT_PI_HALF * a : sqrt(t > 0 ? -l / c / (s + t) : s - t);
    for (int step = 0; step < 3; step++) {
        double off = a < 0.5 ? erf(y) - a : (1 - a) - erfc(y);
        double u = off * SQRT_PI_HALF * exp(y * y);
        y -= u / (1 + y * u);
    }
    return copysign(y, x);
}

/* -- Sines of multiples of pi. x is reduced first, which is exact */

/* sin(pi r), |r| <= 1/2 */
static double sine(double r)
{
    return fabs(r) <= 0.25 ? sin(PI * r) : copysign(cos(PI * (0.5 - fabs(r))), r);
}

/* sin(pi (x + n / 2)) */
static double sine_of(double x, int n)
{
    double r = x - 2 * rint(x / 2); /* -1 to 1 */
    double to_half = fabs(r) > 0.5 ? copysign(1, r) - r : r; /* the sine is the same */
    double value = n % 2 == 0 ? sine(to_half) : sine(0.5 - fabs(r));
    return n % 4 < 2 ? value : -value;
}

/* -- The derivatives of sinc(x) = sin z / z, z = pi x
 *
 * sin z / z is the integral of cos(z t) for t from 0 to 1. So the n-th derivative is pi^n I_n,
 * where I_n is the integral of t^n cos(z t + n pi/2), and by parts,
 *
 *   z I_n + n I_(n-1) = sin(z + n pi/2)
 *
 * An error of I_(n-1) is multiplied by n / z on the way to I_n: so for z > n the I_n are found from
 * I_0 upward. For smaller z they are found downward, and begin so far above n that any I will do */
double ct__sinc(int n, double x)
{
    double z = PI * x, power = 1, sum = x == 0 ? 1 : sine_of(x, 0) / z;
    if (isinf(x))
        return 0;
    if (fabs(z) > n + 1.5) {
        for (int k = 1; k <= n; k++)
            sum = (sine_of(x, k) - k * sum) / z;
    } else if (n > 0) {
        sum = 0;
        for (int k = 2 * n + 40; k > n; k--)
            sum = (sine_of(x, k) - z * sum) / k;
    }
    for (int k = 0; k < n; k++)
        power *= PI;
    return power * sum;
}

/* -- The digamma function */

/* For 1 <= x <= 2: x less the zero of digamma, times a quotient of polynomials. The coefficients,
 * and the zero in three parts, are those of Boost.Math's digamma.hpp */
static double digamma_of_1_to_2(double x)
{
    static const double p[] = { 0.25479851061131551, -0.32555031186804491, -0.65031853770896507,
                                -0.28919126444774784, -0.045251321448739056,
                                -0.0020713321167745952 };
    static const double q[] = { 1, 2.0767117023730469, 1.4606242909763515, 0.43593529692665969,
                                0.054151797245674225, 0.0021284987017821144,
                                -0.55789841213675513e-6 };
    double from_zero = x - 1569415565.0 / 1073741824;
    from_zero -= 381566830.0 / 1073741824 / 1073741824;
    from_zero -= 0.9016312093258695918615325266959189453125e-19;
    double above = 0, below = 0;
    for (int i = 5; i >= 0; i--)
        above = above * (x - 1) + p[i];
    for (int i = 6; i >= 0; i--)
        below = below * (x - 1) + q[i];
    return from_zero * 0.99558162689208984 + from_zero * (above / below);
}

/* log x - 1 / (2 x) - sum of B_2k / (2k x^2k), for x >= 10 */
static double digamma_of_large(double x)
{
    static const double terms[] = { 1.0 / 12, -1.0 / 120, 1.0 / 252, -1.0 / 240, 1.0 / 132,
                                    -691.0 / 32760, 1.0 / 12 };
    double z = 1 / x / x, sum = 0;
    for (int i = 6; i >= 0; i--)
        sum = (sum + terms[i]) * z;
    return log(x) - 0.5 / x - sum;
}

/* digamma(x + 1) = digamma(x) + 1 / x; below 0, digamma(x) = digamma(1 - x) - pi / tan(pi x) */
static double digamma(double x)
{
    double off = x - rint(x), sum = 0;
    if (x == 0)
        return -copysign(INFINITY, x);
    if (x < 0)
        return off == 0 || isinf(x) ? NAN : digamma(1 - x) - PI / tan(PI * off);
    if (x < 1)
        return digamma_of_1_to_2(x + 1) - 1 / x;
    if (!(x < 10))
        return digamma_of_large(x);
    for (; x > 2; x--)
        sum += 1 / (x - 1);
    return digamma_of_1_to_2(x) + sum;
}

/* -- The polygamma functions: psi_n(x) = (-1)^(n+1) n! S(x), S(x) = sum of 1 / (x + k)^(n+1) */

/* Gamma(m) / v^m */
static double term(int m, double v)
{
    return m <= 21 ? tgamma(m) * pow(v, -m) : exp(ct__log_gamma(m) - m * log(v));
}

/* n! S(x) for x > 0. The terms are added while x is small. The rest is, by Euler and Maclaurin,
 *
 *   Gamma(n) / x^n (1 + n / x (1/2 + sum of B_2j / (2j)! (n + 1) ... (n + 2j - 1) / x^(2j-1)))
 */
static double sum_of_terms(int n, double x)
{
    static const double factors[] = { /* (2j)! / B_2j */
        12, -720, 30240, -1209600, 47900160, -1307674368000.0 / 691, 74724249600,
        -10670622842880000.0 / 3617, 5109094217170944000.0 / 43867,
        -802857662698291200000.0 / 174611
    };
    double sum = 0;
    for (; x < n + 12; x++)
        sum += term(n + 1, x);
    double rising = (n + 1) / x, rest = 0.5;
    for (int j = 1; j <= 10; j++) {
        rest += rising / factors[j - 1];
        rising *= (n + 2 * j) / x * ((n + 2 * j + 1) / x);
    }
    return sum + term(n, x) * (1 + n / x * rest);
}

/* Below 0: over all whole k, positive and negative, the sum repeats with period 1 in x. What is
 * subtracted lies below x */
static double sum_below_0(int n, double x)
{
    double off = x - rint(x), sign = n % 2 ? 1 : -1;
    double above = off > 0 ? off : 1 + off, below = off > 0 ? 1 - off : -off;
    return sum_of_terms(n, above) + sign * sum_of_terms(n, below) - sign * sum_of_terms(n, 1 - x);
}

double ct__polygamma(int n, double x)
{
    double sign = n % 2 ? 1 : -1;
    if (n == 0)
        return digamma(x);
    if (x > 0)
        return isinf(x) ? sign * 0 : sign * sum_of_terms(n, x);
    if (x == 0)
        return n % 2 ? INFINITY : -copysign(INFINITY, x);
    if (!(x < 0) || isinf(x))
        return NAN;
    if (x == rint(x))
        return n % 2 ? INFINITY : NAN;
    return sign * sum_below_0(n, x);
}

/* -- Functions of two numbers */

/* what to multiply a and b by, so that their hypot neither overflows nor is subnormal */
static double scale_of(double a, double b)
{
    double larger = fmax(fabs(a), fabs(b));
    return larger < 1e-290 ? 0x1p600 : larger > 1e308 ? 0.25 : 1;
}

double ct__direction(double a, double b)
{
    double scale = scale_of(a, b);
    if (isnan(a) || isnan(b))
        return NAN;
    if (isinf(a))
        return copysign(isinf(b) ? 0.70710678118654752440 : 1, a);
    return a == 0 && b == 0 ? 0 : a * scale / hypot(a * scale, b * scale);
}

double ct__per_square(double g, double a, double b)
{
    double scale = scale_of(a, b), part = ct__direction(a, b);
    double length = hypot(a * scale, b * scale);
    if (length == 0)
        return 0;
    return scale * (fabs(g) > 1 ? g * part / length : g / length * part);
}

/* e^-|a - b|. What rounding a - b loses is a factor of the result */
static double exp_of_distance(double a, double b)
{
    double d = a - b, moved = d - a, lost = (a - (d - moved)) - (b + moved);
    double e = exp(-fabs(d));
    return isinf(d) || e == 0 ? e : e * (d > 0 ? 1 - lost : 1 + lost);
}

double ct__logaddexp(double a, double b)
{
    return a == b ? a + LOG_2 : (a > b ? a : b) + log1p(exp_of_distance(a, b));
}

double ct__weight(double a, double b)
{
    if (a == b)
        return 0.5;
    double e = exp_of_distance(a, b);
    return (a > b ? 1 : e) / (1 + e);
}

/* has the remainder r of a / b another sign than b? */
static bool is_below(double r, double b)
{
    return r != 0 && (r < 0) != (b < 0);
}

double ct__remainder(double a, double b)
{
    double r = fmod(a, b);
    return is_below(r, b) ? r + b : r == 0 ? copysign(0, b) : r;
}

double ct__floored(double a, double b)
{
    double r = fmod(a, b), n = rint((a - r) / b);
    return is_below(r, b) ? n - 1 : n;
}
