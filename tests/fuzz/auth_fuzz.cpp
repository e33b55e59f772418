// The password plugins. Nobody is let in without the proof, the proof lets in, and a password is never shown
// to a server over a transport that is not encrypted.
#include "protocol/auth.hpp"
#include "tests/fuzz/check.hpp"

#include <vector>

using namespace holdwater::protocol;
using holdwater::fuzz::input;
using holdwater::fuzz::must;

namespace {

constexpr std::string_view password = "correct horse battery staple";
constexpr challenge salt{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20};

std::string proof(std::string_view plugin_name, byte_span for_salt) {
  if (plugin_name == plugin::caching_sha2_password) return scramble_sha2(password, for_salt);
  return scramble_native(password, for_salt);
}

bool proves(std::string_view answer, const std::string& wanted) {
  return answer == wanted || answer == wanted + '\0';
}

// The salt of an authenticator's switch is a new one, which only its request tells.
auth_switch requested(const authenticator& server) {
  const auto request = parse_auth_switch(server.reply());
  must(request.has_value(), "a switch is written as it is read");
  must(request->data.size() == challenge_size + 1, "a switch carries a salt");
  return {request->plugin, request->data.substr(0, challenge_size)};
}

void prove_to_us(input& in) {
  constexpr std::string_view names[] = {plugin::mysql_native_password, plugin::caching_sha2_password, "",
                                        "other"};
  const std::string offered(names[in.number(1) % 4]);
  const auto answered_as = names[in.number(1) % 4];
  const auto first = in.text(in.number(1));
  authenticator server{std::string(password), offered, salt, false};
  auto step = server.start(answered_as, as_bytes(first));
  if (step == authenticator::step::succeed)
    return must(proves(first, proof(offered, salt)), "nobody is let in without the proof");
  if (step == authenticator::step::fail) return;
  const auto request = requested(server);
  const auto right = proof(request.plugin, as_bytes(request.data));
  const bool honest = in.number(1) % 2 == 0;
  const auto second = in.rest();
  step = server.feed(as_bytes(honest ? std::string_view(right) : second));
  must(step != authenticator::step::send, "a switch happens once");
  must((step == authenticator::step::succeed) == (honest || proves(second, right)), "the proof decides");
  must(server.feed(as_bytes(right)) == authenticator::step::fail, "a challenge is good for one answer");
}

void prove_to_a_server(input& in) {
  const bool secure = in.number(1) % 2 == 1;
  greeting hello;
  hello.salt = salt;
  hello.auth_plugin = in.text(in.number(1) % 32);
  auth_client client(std::string(password), secure);
  client.start(hello);
  for (int packets = 0; packets < 16 && !in.empty(); ++packets) {
    const auto step = client.feed(as_bytes(in.text(in.number(2))));
    const auto shown = as_text(client.reply());
    must(secure || shown.find(password) == shown.npos, "a password is not shown in clear");
    if (step.has_error() || *step == auth_client::step::succeed || *step == auth_client::step::fail) return;
  }
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  input in(data, size);
  if (in.number(1) % 2 == 0)
    prove_to_us(in);
  else
    prove_to_a_server(in);
  return 0;
}
