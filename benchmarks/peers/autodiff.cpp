// The functions of ../objectives.c in C++ with libtorch, and their gradients. See ../peers.h for what
// is asked and answered, and autodiff.py, of which this is the translation.
#include <torch/torch.h>

#include <cmath>
#include <ctime>
#include <functional>
#include <iomanip>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

using torch::Tensor;
using function = std::function<Tensor(const Tensor &)>;

struct objective {
    function f;
    Tensor x;
};

static Tensor numbers(int64_t stream, int64_t n, double a, double b)
{
    const int64_t mask = 0xffffffff;
    Tensor h = ((torch::arange(n) + 1000003 * stream) * 2654435761).bitwise_and(mask);
    h = h.bitwise_xor(h.bitwise_right_shift(15));
    h = (h * 2246822519).bitwise_and(mask);
    return h.bitwise_xor(h.bitwise_right_shift(13)).to(torch::kDouble) / 4294967296.0 * b + a;
}

static objective logistic()
{
    Tensor a = numbers(1, 500, -1, 2).reshape({ 100, 5 });
    Tensor t = (torch::arange(100) >= 50).to(torch::kDouble);
    return { [=](const Tensor &x) {
        return torch::binary_cross_entropy_with_logits(a.matmul(x), t, {}, {},
                                                       torch::Reduction::Sum);
    }, numbers(0, 5, -1, 2) };
}

static objective rosenbrock()
{
    return { [](const Tensor &x) {
        Tensor low = x.slice(0, 0, -1), high = x.slice(0, 1);
        return (100 * (high - low.square()).square() + (1 - low).square()).sum();
    }, numbers(0, 50, 0.5, 1) };
}

static objective gaussian()
{
    Tensor a = torch::arange(60, torch::kDouble) * (10.0 / 59), eye = torch::eye(60);
    Tensor y = numbers(1, 60, -1, 2).unsqueeze(1);
    return { [=](const Tensor &x) {
        auto s = x.exp().unbind();
        Tensor d = a.unsqueeze(1) - a.unsqueeze(0);
        Tensor k = s[1].square() * torch::exp(-0.5 * (d / s[0]).square()) + s[2].square() * eye;
        Tensor factor = torch::linalg_cholesky(k);
        Tensor z = torch::linalg_solve_triangular(factor, y, false);
        return 0.5 * z.square().sum() + factor.diagonal().log().sum();
    }, torch::tensor({ 0.1, 0.2, -1.0 }) };
}

static objective lotka()
{
    Tensor counted = numbers(1, 42, 2, 2).reshape({ 21, 2 }), sign = torch::tensor({ 1.0, -1.0 });
    return { [=](const Tensor &x) {
        auto v = x.split(2);
        Tensor own = v[0].exp() * sign, other = v[1].exp() * -sign, z = v[2];
        const double dt = 0.04;
        auto slope = [&](const Tensor &at) { return own + other * at.exp().flip(0); };
        std::vector<Tensor> years{ z };
        for (int year = 0; year < 20; year++) {
            for (int step = 0; step < 25; step++) {
                Tensor k1 = slope(z), k2 = slope(z + k1 * (dt / 2));
                Tensor k3 = slope(z + k2 * (dt / 2)), k4 = slope(z + k3 * dt);
                z = z + ((k1 + k4) + (k2 + k3) * 2) * (dt / 6);
            }
            years.push_back(z);
        }
        return 0.5 * (torch::stack(years) - counted).square().sum();
    }, torch::tensor({ -0.6, -0.2, -3.6, -3.7, 3.5, 1.8 }) };
}

static objective schools()
{
    Tensor y = numbers(1, 8, -5, 30), sigma = numbers(2, 8, 9, 9);
    return { [=](const Tensor &x) {
        auto v = x.reshape({ 100, 10 }).split_with_sizes({ 1, 1, 8 }, 1);
        Tensor tau = v[1].exp(), theta = 5 * v[0] + tau * v[2];
        Tensor squares = ((y - theta) / sigma).square().sum() + v[0].square().sum() +
                         v[2].square().sum();
        return 0.5 * squares + (torch::log1p(0.04 * tau.square()) - v[1]).sum();
    }, numbers(0, 1000, -1, 2) };
}

static objective pinn()
{
    Tensor at = (torch::arange(32, torch::kDouble) * (1.0 / 31)).reshape({ 32, 1 });
    Tensor force = torch::sin(at * M_PI) * (M_PI * M_PI);
    return { [=](const Tensor &x) {
        torch::AutoGradMode recording(true);
        auto v = x.split(16);
        Tensor t = at.detach().requires_grad_();
        Tensor u = t * (1 - t) * torch::tanh(t * v[0] + v[1]).matmul(v[2].unsqueeze(1));
        Tensor du = torch::autograd::grad({ u.sum() }, { t }, {}, true, true)[0];
        Tensor d2u = torch::autograd::grad({ du.sum() }, { t }, {}, true, true)[0];
        return (d2u + force).square().mean();
    }, numbers(0, 48, -1, 2) };
}

static objective gmm(int64_t d, int64_t k, int64_t n)
{
    int64_t below = d * (d - 1) / 2;
    Tensor p = numbers(1, n * d, -1, 2).reshape({ n, d });
    std::vector<int64_t> list;
    for (int64_t i = 0; i < d; i++)
        for (int64_t j = 0; j < i; j++)
            list.push_back(i * d + j);
    Tensor places = torch::tensor(list, torch::kLong);
    return { [=](const Tensor &x) {
        auto v = x.split_with_sizes({ k, k * d, k * d, k * below });
        Tensor mu = v[1].reshape({ k, 1, d }), q = v[2].reshape({ k, d });
        Tensor lower = torch::zeros({ k, d * d }).index_add(1, places, v[3].reshape({ k, below }));
        Tensor factor = torch::diag_embed(q.exp()) + lower.reshape({ k, d, d });
        Tensor square = (p - mu).matmul(factor.transpose(1, 2)).square().sum(-1);
        Tensor each = (v[0] + q.sum(1)).unsqueeze(1) - 0.5 * square;
        Tensor fit = torch::logsumexp(each, 0).sum();
        return fit - n * torch::logsumexp(v[0], 0) + 0.5 * factor.square().sum();
    }, numbers(0, k * (1 + 2 * d + below), -1, 2) };
}

static objective lstm(int64_t layers, int64_t n)
{
    Tensor data = numbers(1, n * 14, 0, 1).reshape({ n, 14 });
    Tensor start = numbers(2, layers * 28, -1, 2).reshape({ -1, 14 });
    return { [=](const Tensor &x) {
        auto w = x.reshape({ -1, 14 }).unbind(), rows = data.unbind(), state = start.unbind();
        std::vector<Tensor> list;
        for (int64_t t = 0; t + 1 < n; t++) {
            Tensor z = rows[t] * w[8 * layers];
            for (int64_t k = 0; k < layers; k++) {
                const Tensor *v = &w[8 * k];
                Tensor &hidden = state[2 * k], &cell = state[2 * k + 1];
                Tensor forget = torch::sigmoid(z * v[0] + v[4]);
                Tensor in = torch::sigmoid(hidden * v[1] + v[5]);
                Tensor out = torch::sigmoid(z * v[2] + v[6]);
                cell = cell * forget + in * torch::tanh(hidden * v[3] + v[7]);
                z = hidden = out * torch::tanh(cell);
            }
            list.push_back(z * w[8 * layers + 1] + w[8 * layers + 2]);
        }
        Tensor y = torch::stack(list), sum = torch::log(y.exp().sum(1, true) + 2);
        return -(data.slice(0, 1) * (y - sum)).mean();
    }, numbers(0, (8 * layers + 3) * 14, -1, 2) };
}

static objective ba(int64_t n)
{
    Tensor features = numbers(1, 2 * n, -1, 2).reshape({ n, 2 });
    Tensor all = torch::cat({ numbers(0, 11 * n, 0.05, 0.1).reshape({ n, 11 }),
                              numbers(2, 3 * n, 4, 1).reshape({ n, 3 }),
                              numbers(3, n, 0.5, 1).reshape({ n, 1 }) }, 1);
    return { [=](const Tensor &x) {
        auto v = x.split_with_sizes({ 3, 3, 1, 2, 1, 1, 3, 1 }, 1);
        Tensor p = v[6] - v[1], angle = torch::linalg_vector_norm(v[0], 2, 1, true);
        Tensor axis = v[0] / angle, c = torch::cos(angle);
        p = c * p + torch::sin(angle) * torch::cross(axis, p, 1) +
            (axis * p).sum(1, true) * (1 - c) * axis;
        auto q = p.split_with_sizes({ 2, 1 }, 1);
        Tensor u = q[0] / q[1], s = (u * u).sum(1, true);
        return v[7] * (v[2] * (v[4] * s + v[5] * s.square() + 1) * u + v[3] - features);
    }, all };
}

static std::vector<Tensor> gradient(const function &f, const Tensor &x)
{
    Tensor y = f(x);
    if (y.dim() == 0)
        return torch::autograd::grad({ y }, { x });
    Tensor rows = torch::eye(2);
    std::vector<Tensor> g;
    for (int k = 0; k < 2; k++)
        g.push_back(torch::autograd::grad({ y }, { x }, { rows[k].expand(y.sizes()) }, k == 0)[0]);
    return g;
}

static double product(const Tensor &x, int64_t stream)
{
    return x.detach().flatten().dot(numbers(stream, x.numel(), 0.5, 1)).item<double>();
}

static objective make(const std::string &name, int64_t a, int64_t b, int64_t c)
{
    return name == "logistic" ? logistic() : name == "rosenbrock" ? rosenbrock()
           : name == "gaussian" ? gaussian() : name == "lotka" ? lotka()
           : name == "schools" ? schools() : name == "pinn" ? pinn()
           : name == "gmm" ? gmm(a, b, c) : name == "lstm" ? lstm(a, b)
           : name == "ba" ? ba(a) : objective();
}

static double now()
{
    timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void work(const std::string &what, const objective &o, const Tensor &variable)
{
    if (what == "gradient") {
        gradient(o.f, variable);
    } else {
        torch::NoGradGuard guard;
        o.f(o.x);
    }
}

static double answer(long repeats, const std::string &request)
{
    static std::map<std::string, objective> made;
    std::istringstream in(request);
    std::string what, name;
    int64_t size[3] = { 0, 0, 0 };
    in >> what;
    bool checked = what == "check";
    if (checked)
        in >> what;
    in >> name >> size[0] >> size[1] >> size[2];
    std::string key = request.substr(request.find(name));
    if (!made.count(key))
        made[key] = make(name, size[0], size[1], size[2]);
    const objective &o = made[key];
    if (!o.f)
        return 0;
    Tensor variable = o.x.clone().requires_grad_();
    if (checked && what == "gradient") {
        auto g = gradient(o.f, variable);
        for (auto &one : g)
            one = one.flatten();
        return product(torch::cat(g), 9);
    } else if (checked) {
        return product(o.f(o.x), 8);
    }
    if (repeats > 1)
        work(what, o, variable);
    double start = now();
    for (long i = 0; i < repeats; i++)
        work(what, o, variable);
    return now() - start;
}

int main()
{
    torch::set_num_threads(1);
    torch::set_default_dtype(caffe2::TypeMeta::Make<double>());
    std::cout << TORCH_VERSION << std::endl << std::setprecision(17);
    long repeats;
    std::string request;
    while (std::cin >> repeats && std::getline(std::cin >> std::ws, request))
        std::cout << answer(repeats, request) << std::endl;
}
