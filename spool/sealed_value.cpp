#include "spool/sealed_value.hpp"

#include "spool/byte_codec.hpp"

#include <sodium.h>
#include <zstd.h>

#include <memory>

namespace holdwater::spool {
namespace {

constexpr char compressed_form = 0x20;
constexpr char sealed_form = 0x40;
constexpr std::size_t id_size = 8;
constexpr std::size_t head_size = 1 + id_size;
constexpr std::size_t nonce_size = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t tag_size = crypto_aead_xchacha20poly1305_ietf_ABYTES;
static_assert(sealing_overhead == head_size + nonce_size + tag_size);

constexpr std::size_t compress_from = 2048; // bytes; README.md, "Data at rest", says what it costs
constexpr int compression_level = 1;
constexpr std::uint64_t most_expanded = 1ULL << 30;

struct free_context {
  void operator()(ZSTD_CCtx* context) const noexcept { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const noexcept { ZSTD_freeDCtx(context); }
};

const unsigned char* as_unsigned(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
unsigned char* as_unsigned(std::string& bytes) {
  return reinterpret_cast<unsigned char*>(bytes.data());
}

std::string fixed64(std::uint64_t value) {
  std::string out;
  append_little_endian(out, value, 8);
  return out;
}

} // namespace

std::string place_of(std::string_view kind, std::string_view file, std::uint64_t row) {
  return place_of(kind, std::string(file) + fixed64(row));
}

std::string place_of(std::string_view kind, std::string_view row) {
  std::string out(kind);
  out += '\0'; // no kind holds one, so no two places are spelled alike
  return out.append(row);
}

std::string seal(const data_key& key, std::string_view value, std::string_view place) {
  std::string out(head_size + nonce_size + value.size() + tag_size, '\0');
  out[0] = sealed_form;
  out.replace(1, id_size, fixed64(key.id()));
  randombytes_buf(out.data() + head_size, nonce_size);
  const auto bound = out.substr(0, head_size).append(place);
  crypto_aead_xchacha20poly1305_ietf_encrypt(
      as_unsigned(out) + head_size + nonce_size, nullptr, as_unsigned(value), value.size(),
      as_unsigned(bound), bound.size(), nullptr, as_unsigned(out) + head_size, key.bytes());
  return out;
}

bool is_sealed(std::string_view stored) {
  return stored.starts_with(sealed_form);
}

result<std::string> unseal(const key_ring_ptr& all, std::string stored, std::string_view place) {
  if (!is_sealed(stored)) return stored;
  if (stored.size() < sealing_overhead) return failure{errc::corrupt, "a sealed value is cut short"};
  const auto id = little_endian(stored, 1, id_size);
  const auto* const key = all ? all->find(id) : nullptr;
  if (key == nullptr)
    return failure{errc::wrong_key, "it is encrypted with key " + print_key(id) + ", which is not given"};
  const auto bound = stored.substr(0, head_size).append(place);
  const auto sealed = std::string_view(stored).substr(head_size + nonce_size);
  std::string value(sealed.size() - tag_size, '\0');
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(as_unsigned(value), nullptr, nullptr, as_unsigned(sealed),
                                                 sealed.size(), as_unsigned(bound), bound.size(),
                                                 as_unsigned(stored) + head_size, key->bytes()) != 0)
    return failure{errc::corrupt, "a sealed value was changed, or is not where it was put"};
  return value;
}

std::string compress(std::string value) {
  if (value.size() < compress_from) return value;
  thread_local const std::unique_ptr<ZSTD_CCtx, free_context> context(ZSTD_createCCtx());
  if (!context) return value;
  std::string out(1 + value.size() - value.size() / 8, '\0'); // what does not fit does not pay
  const auto size = ZSTD_compressCCtx(context.get(), out.data() + 1, out.size() - 1, value.data(),
                                      value.size(), compression_level);
  if (ZSTD_isError(size) != 0) return value;
  out[0] = compressed_form;
  out.resize(1 + size);
  out.shrink_to_fit();
  return out;
}

result<std::string> expand(std::string stored) {
  if (stored.empty() || stored[0] != compressed_form) return stored;
  const auto frame = std::string_view(stored).substr(1);
  const auto size = ZSTD_getFrameContentSize(frame.data(), frame.size());
  if (size > most_expanded) return failure{errc::corrupt, "a compressed value does not tell its size"};
  thread_local const std::unique_ptr<ZSTD_DCtx, free_context> context(ZSTD_createDCtx());
  std::string value(size, '\0');
  if (!context ||
      ZSTD_decompressDCtx(context.get(), value.data(), value.size(), frame.data(), frame.size()) != size)
    return failure{errc::corrupt, "a compressed value is damaged"};
  return value;
}

} // namespace holdwater::spool
