// Convolutions by oneDNN, in the layouts that it likes best: what it takes to come to these and back
// is not counted. Requests: "conv KERNEL CHANNELS SIZE GROUPS", of 32 images, forward and backward.
#include <dnnl.hpp>

#include <chrono>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

using namespace dnnl;
using arguments = std::unordered_map<int, memory>;

struct conv {
    std::vector<primitive> steps;
    std::vector<arguments> with;
};

// written once: memory that was never written would be one page of zeros
static memory filled(const memory::desc &desc, const engine &cpu)
{
    memory m(desc, cpu);
    auto to = static_cast<float *>(m.get_data_handle());
    for (size_t i = 0; i < desc.get_size() / sizeof *to; i++)
        to[i] = static_cast<float>(i % 17) / 17;
    return m;
}

static conv make(std::istream &in, const engine &cpu)
{
    memory::dim kernel, channels, size, groups, pad;
    in >> kernel >> channels >> size >> groups;
    pad = kernel / 2;
    auto any = [](const memory::dims &dims) {
        return memory::desc(dims, memory::data_type::f32, memory::format_tag::any);
    };
    auto x = any({ 32, channels, size, size }), w = any({ channels, channels, kernel, kernel });
    if (groups > 1)
        w = any({ groups, channels / groups, channels / groups, kernel, kernel });
    memory::dims one{ 1, 1 }, pads{ pad, pad };
    auto how = algorithm::convolution_direct;
    convolution_forward::primitive_desc y({ prop_kind::forward_training, how, x, w, x, one, pads,
                                            pads }, cpu);
    convolution_backward_data::primitive_desc gx({ how, x, w, x, one, pads, pads }, cpu, y);
    convolution_backward_weights::primitive_desc gw({ how, x, w, x, one, pads, pads }, cpu, y);
    return { { convolution_forward(y), convolution_backward_data(gx),
               convolution_backward_weights(gw) },
             { { { DNNL_ARG_SRC, filled(y.src_desc(), cpu) },
                 { DNNL_ARG_WEIGHTS, filled(y.weights_desc(), cpu) },
                 { DNNL_ARG_DST, filled(y.dst_desc(), cpu) } },
               { { DNNL_ARG_DIFF_SRC, filled(gx.diff_src_desc(), cpu) },
                 { DNNL_ARG_WEIGHTS, filled(gx.weights_desc(), cpu) },
                 { DNNL_ARG_DIFF_DST, filled(gx.diff_dst_desc(), cpu) } },
               { { DNNL_ARG_SRC, filled(gw.src_desc(), cpu) },
                 { DNNL_ARG_DIFF_WEIGHTS, filled(gw.diff_weights_desc(), cpu) },
                 { DNNL_ARG_DIFF_DST, filled(gw.diff_dst_desc(), cpu) } } } };
}

static void run(const conv &c, stream &on, long repeats)
{
    for (long r = 0; r < repeats; r++)
        for (size_t i = 0; i < c.steps.size(); i++)
            c.steps[i].execute(on, c.with[i]);
    on.wait();
}

int main()
{
    engine cpu(engine::kind::cpu, 0);
    stream on(cpu);
    std::map<std::string, conv> made;
    auto v = version();
    std::cout << v->major << '.' << v->minor << '.' << v->patch << std::endl << std::fixed;
    long repeats;
    std::string request;
    while (std::cin >> repeats && std::getline(std::cin >> std::ws, request)) {
        std::istringstream in(request);
        std::string name;
        bool known = in >> name && name == "conv";
        if (known && !made.count(request))
            made[request] = make(in, cpu);
        if (known && repeats > 1)
            run(made[request], on, 1);
        auto start = std::chrono::steady_clock::now();
        if (known)
            run(made[request], on, repeats);
        std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
        std::cout << (known ? took.count() : 0) << std::endl;
    }
}
