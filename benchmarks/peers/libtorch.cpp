// The benchmarks' work in C++ with libtorch. See ../peers.h for what is asked and answered.
#include <torch/torch.h>

#include <chrono>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

using work = std::function<void()>;
namespace nn = torch::nn;

static work chain(std::istream &in)
{
    std::string name;
    int length;
    in >> name >> length;
    auto x = torch::tensor(0.5f, torch::requires_grad());
    return [=]() mutable {
        auto y = x;
        for (int i = 0; i < length; i++)
            y = name == "sin" ? torch::sin(y) : y * x;
        y.backward();
        x.mutable_grad() = torch::Tensor();
    };
}

static nn::Sequential network(std::istream &in, const std::string &hidden, std::vector<int> &sizes)
{
    std::string text, size;
    in >> text;
    std::istringstream parts(text);
    while (std::getline(parts, size, '-'))
        sizes.push_back(std::stoi(size));
    nn::Sequential net;
    for (size_t i = 0; i + 1 < sizes.size(); i++) {
        net->push_back(nn::Linear(sizes[i], sizes[i + 1]));
        if (i + 2 < sizes.size() && hidden == "tanh")
            net->push_back(nn::Tanh());
        else if (i + 2 < sizes.size())
            net->push_back(nn::ReLU());
    }
    return net;
}

static work train(std::istream &in)
{
    std::string text, hidden, rule;
    int batch;
    in >> text >> hidden >> batch >> rule;
    std::vector<int> sizes;
    std::istringstream shape(text);
    auto net = network(shape, hidden, sizes);
    std::shared_ptr<torch::optim::Optimizer> optimizer;
    if (rule == "adam")
        optimizer = std::make_shared<torch::optim::Adam>(net->parameters(), 1e-3);
    else
        optimizer = std::make_shared<torch::optim::SGD>(net->parameters(), 1e-3);
    auto x = torch::rand({ batch, sizes[0] });
    bool classes = sizes.back() > 1;
    auto y = classes ? torch::randint(sizes.back(), { batch }, torch::kLong)
                     : torch::randn({ batch, 1 });
    auto parameters = net->parameters();
    return [=]() mutable {
        for (auto &p : parameters)
            p.mutable_grad() = torch::Tensor(); // cheaper than zero_grad
        auto out = net->forward(x);
        auto loss = classes ? nn::functional::cross_entropy(out, y)
                            : nn::functional::mse_loss(out, y);
        loss.backward();
        optimizer->step();
    };
}

static work infer(std::istream &in)
{
    std::vector<int> sizes;
    auto net = network(in, "relu", sizes);
    auto x = torch::rand({ 1, sizes[0] });
    return [=]() mutable {
        torch::InferenceMode mode;
        net->forward(x);
    };
}

static work conv(std::istream &in)
{
    int kernel, channels, size, groups;
    in >> kernel >> channels >> size >> groups;
    auto x = torch::randn({ 32, channels, size, size }, torch::requires_grad());
    auto w = torch::randn({ channels, channels / groups, kernel, kernel }, torch::requires_grad());
    auto gy = torch::randn({ 32, channels, size, size });
    auto options = nn::functional::Conv2dFuncOptions().padding(kernel / 2).groups(groups);
    return [=]() mutable {
        nn::functional::conv2d(x, w, options).backward(gy);
        x.mutable_grad() = torch::Tensor();
        w.mutable_grad() = torch::Tensor();
    };
}

static work pool(std::istream &in)
{
    std::string kind;
    int channels, size;
    in >> kind >> channels >> size;
    auto x = torch::randn({ 32, channels, size, size }, torch::requires_grad());
    auto gy = torch::randn({ 32, channels, size / 2, size / 2 });
    return [=]() mutable {
        (kind == "max" ? torch::max_pool2d(x, 2) : torch::avg_pool2d(x, 2)).backward(gy);
        x.mutable_grad() = torch::Tensor();
    };
}

template <typename net_type> static work recurrent_of(std::istream &in)
{
    int inputs, hidden, steps, batch;
    std::string what;
    in >> inputs >> hidden >> steps >> batch >> what;
    net_type net(inputs, hidden);
    auto parameters = net->parameters();
    auto optimizer = std::make_shared<torch::optim::SGD>(parameters, 1e-3);
    auto x = torch::randn({ steps, batch, inputs }), y = torch::rand({ steps, batch, hidden });
    if (what == "infer")
        return [=]() mutable {
            torch::InferenceMode mode;
            net->forward(x);
        };
    return [=]() mutable {
        for (auto &p : parameters)
            p.mutable_grad() = torch::Tensor();
        nn::functional::mse_loss(std::get<0>(net->forward(x)), y).backward();
        optimizer->step();
    };
}

static work recurrent(std::istream &in)
{
    std::string kind;
    in >> kind;
    return kind == "lstm"  ? recurrent_of<nn::LSTM>(in)
           : kind == "gru" ? recurrent_of<nn::GRU>(in)
                           : recurrent_of<nn::RNN>(in);
}

static nn::Sequential convolution(int inputs, int outputs, int kernel, int stride)
{
    auto options = nn::Conv2dOptions(inputs, outputs, kernel);
    return nn::Sequential(nn::Conv2d(options.stride(stride).padding(kernel / 2).bias(false)),
                          nn::BatchNorm2d(outputs));
}

// two convolutions beside a way that is none, or one of 1 x 1
struct block_net : nn::Module {
    nn::Sequential a, b, around{ nullptr };
    block_net(int inputs, int outputs, int stride)
        : a(convolution(inputs, outputs, 3, stride)), b(convolution(outputs, outputs, 3, 1))
    {
        register_module("a", a);
        register_module("b", b);
        if (inputs != outputs)
            around = register_module("around", convolution(inputs, outputs, 1, stride));
    }
    torch::Tensor forward(torch::Tensor x)
    {
        auto y = b->forward(torch::relu(a->forward(x)));
        return torch::relu(y + (around ? around->forward(x) : x));
    }
};

static nn::Sequential lenet()
{
    return nn::Sequential(nn::Conv2d(1, 20, 5), nn::ReLU(), nn::MaxPool2d(2),
                          nn::Conv2d(20, 50, 5), nn::ReLU(), nn::MaxPool2d(2), nn::Flatten(),
                          nn::Linear(800, 500), nn::ReLU(), nn::Linear(500, 10));
}

static nn::Sequential residual()
{
    auto net = convolution(1, 16, 5, 2);
    net->push_back(nn::ReLU());
    for (int stride = 1, from = 16, to = 16; to <= 64; stride = 2, from = to, to *= 2)
        net->push_back(std::make_shared<block_net>(from, to, stride));
    net->push_back(nn::AdaptiveAvgPool2d(nn::AdaptiveAvgPool2dOptions({ 1, 1 })));
    net->push_back(nn::Flatten());
    net->push_back(nn::Linear(64, 10));
    return net;
}

// those of ../nets.c
static work whole(std::istream &in)
{
    std::string name;
    in >> name;
    bool is_lenet = name == "lenet";
    auto net = is_lenet ? lenet() : residual();
    auto options = torch::optim::SGDOptions(1e-3);
    if (!is_lenet)
        options.momentum(0.9).nesterov(true).weight_decay(5e-4);
    auto parameters = net->parameters();
    auto optimizer = std::make_shared<torch::optim::SGD>(parameters, options);
    int n = is_lenet ? 64 : 128;
    auto x = torch::rand({ n, 1, 28, 28 }), y = torch::randint(10, { n }, torch::kLong);
    return [=]() mutable {
        for (auto &p : parameters)
            p.mutable_grad() = torch::Tensor();
        nn::functional::cross_entropy(net->forward(x), y).backward();
        optimizer->step();
    };
}

static work make(const std::string &request)
{
    std::istringstream in(request);
    std::string name;
    in >> name;
    return name == "chain" ? chain(in) : name == "train" ? train(in)
           : name == "infer" ? infer(in) : name == "conv" ? conv(in)
           : name == "pool" ? pool(in) : name == "recurrent" ? recurrent(in)
           : name == "network" ? whole(in) : work();
}

static double measure(const work &run, long repeats)
{
    if (!run)
        return 0;
    if (repeats > 1)
        run();
    auto start = std::chrono::steady_clock::now();
    for (long i = 0; i < repeats; i++)
        run();
    return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start)
        .count();
}

int main()
{
    const char *threads = std::getenv("OMP_NUM_THREADS");
    torch::set_num_threads(threads ? std::atoi(threads) : 1);
    std::map<std::string, work> made;
    std::cout << TORCH_VERSION << std::endl << std::fixed;
    long repeats;
    std::string request;
    while (std::cin >> repeats && std::getline(std::cin >> std::ws, request)) {
        if (!made.count(request))
            made[request] = make(request);
        std::cout << measure(made[request], repeats) << std::endl;
    }
}
