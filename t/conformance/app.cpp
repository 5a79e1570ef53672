/*
 * The function of the conformance suite, in C++ on aws-lambda-cpp, which has no
 * JSON: it knows no more of that than the suite writes.
 */

#include <aws/lambda-runtime/runtime.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

using namespace aws::lambda_runtime;
using request = invocation_request;
using response = invocation_response;

extern char **environ;

static int calls, running;


static response
json(std::string const &text)
{
    return response::success(text, "application/json");
}


static std::string
quoted(std::string const &text)
{
    return '"' + text + '"';
}


/* What is between AFTER and the next END. */

static std::string
between(std::string const &text, std::string const &after,
        std::string const &end)
{
    auto from = text.find(after);

    if (from == std::string::npos) {
        return "";
    }

    from += after.size();

    return text.substr(from, text.find_first_of(end, from) - from);
}


static std::string
text(request const &r, std::string const &name)
{
    return between(r.payload, quoted(name) + ": \"", "\"");
}


static int
number(request const &r, std::string const &name)
{
    return std::atoi(between(r.payload, quoted(name) + ": ", ",}").c_str());
}


static void
nap(int ms)
{
    std::this_thread::sleep_for(std::chrono::milliseconds(ms));
}


static int
deep(int n)
{
    volatile char room[512];

    room[0] = static_cast<char>(n);

    return deep(n + 1) + room[0];
}


static response
http(request const &r)
{
    return json("{\"statusCode\":200,\"headers\":{\"content-type\":"
                "\"application/octet-stream\"},\"body\":"
                + quoted(between(r.payload, "\"body\":\"", "\""))
                + ",\"isBase64Encoded\":"
                + between(r.payload, "\"isBase64Encoded\":", ",}") + "}");
}


static response
env()
{
    std::string all;

    for (char **p = environ; *p != nullptr; p++) {
        std::string variable = *p;
        auto eq = variable.find('=');
        all += (all.empty() ? "" : ",") + quoted(variable.substr(0, eq)) + ":"
               + quoted(variable.substr(eq + 1));
    }

    return json("{" + all + "}");
}


static response
context(request const &r)
{
    std::string all = "{\"id\":" + quoted(r.request_id) + ",\"arn\":"
                      + quoted(r.function_arn) + ",\"custom\":"
                      + between(r.client_context, "\"custom\":", "}") + "}";
    char const *names[] = {
        "name", "AWS_LAMBDA_FUNCTION_NAME",
        "version", "AWS_LAMBDA_FUNCTION_VERSION",
        "memory", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "group", "AWS_LAMBDA_LOG_GROUP_NAME",
        "stream", "AWS_LAMBDA_LOG_STREAM_NAME", nullptr
    };

    for (char const **n = names; *n != nullptr; n += 2) {
        all += "," + quoted(n[0]) + ":" + quoted(std::getenv(n[1]));
    }

    return json(all + "}");
}


static response
flood(request const &r)
{
    std::string line(9999, 'x');

    for (int n = number(r, "lines"); n > 0; n--) {
        std::cout << line << std::endl;
    }

    return json("\"flooded\"");
}


static response
leave_daemon()
{
    std::thread([] {
        for ( ;; ) {
            nap(10);
        }
    }).detach();

    if (fork() == 0) {
        execl("/bin/sleep", "sleep", "1000", nullptr);
        _exit(1);
    }

    return json(std::to_string(calls));
}


static response
tmp()
{
    struct stat st;

    std::ofstream("/tmp/kept", std::ios::app) << "x" << std::flush;

    if (stat("/tmp/kept", &st) == -1) {
        throw std::runtime_error("stat");
    }

    return json(std::to_string(st.st_size));
}


static response
misbehave(request const &r, std::string const &act)
{
    std::vector<std::string> keep;

    if (act == "throw") {
        return response::failure("an \"odd\" \u00e9rror", "Odd", "");
    }

    if (act == "plain") {
        return response("{\"errorType\":\"Odd\",\"errorMessage\":"
                        "\"an \\\"odd\\\" \u00e9rror\"}",
                        "application/json", false, "");
    }

    if (act == "panic") {
        throw std::runtime_error("not caught");
    }

    if (act == "throw_later") {
        std::thread([] { throw std::runtime_error("later"); }).join();
    }

    if (act == "exit") {
        std::exit(number(r, "code"));
    }

    if (act == "kill") {
        *reinterpret_cast<char volatile *>(8) = 1;
    }

    while (act == "loop") {
        calls ^= 1;
    }

    while (act == "memory") {
        keep.emplace_back(1 << 20, 'x');
    }

    return act == "stack" ? json(std::to_string(deep(0))) : json(r.payload);
}


static response
act(request const &r)
{
    if (r.payload.find("\"requestContext\"") != std::string::npos) {
        return http(r);
    }

    std::string what = text(r, "do");

    if (what == "log") {
        std::cout << "out " << text(r, "mark") << std::endl;
        std::cerr << "err " << text(r, "mark") << std::endl;
        return json("\"logged\"");
    }

    if (what == "remaining") {
        auto before = r.get_time_remaining().count();
        nap(50);
        return json("[" + std::to_string(before) + ","
                    + std::to_string(r.get_time_remaining().count()) + "]");
    }

    if (what == "sleep") {
        nap(number(r, "ms"));
        return json("[" + std::to_string(running) + ","
                    + std::to_string(calls) + "," + std::to_string(getpid())
                    + "]");
    }

    return what == "env" ? env() : what == "context" ? context(r)
           : what == "flood" ? flood(r) : what == "daemon" ? leave_daemon()
           : what == "tmp" ? tmp() : misbehave(r, what);
}


static response
handler(request const &r)
{
    calls++;
    running++;
    response answer = act(r);
    running--;

    return answer;
}


int
main()
{
    std::string name = std::getenv("_HANDLER");

    if (name == "throws.handler") {
        runtime api(std::string("http://")
                    + std::getenv("AWS_LAMBDA_RUNTIME_API"));
        api.post_init_error(runtime_response(
            "{\"errorType\":\"Odd\",\"errorMessage\":\"while loading\"}",
            "application/json", ""));
        return 1;
    }

    if (name == "slow.handler") {
        nap(60000);
    }

    run_handler(handler);

    return 0;
}
