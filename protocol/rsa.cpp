#include "protocol/rsa.hpp"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <memory>

namespace holdwater::protocol {
namespace {

template <auto Free>
struct freed_by {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using bio_ptr = std::unique_ptr<BIO, freed_by<&BIO_free>>;
using key_ptr = std::unique_ptr<EVP_PKEY, freed_by<&EVP_PKEY_free>>;
using context_ptr = std::unique_ptr<EVP_PKEY_CTX, freed_by<&EVP_PKEY_CTX_free>>;

key_ptr read_key(std::string_view pem) {
  const bio_ptr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return key_ptr(bio ? PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr) : nullptr);
}

// The password with its zero byte, XOR the salt again and again.
byte_buffer veil(std::string_view password, std::string_view salt) {
  byte_buffer text(password.begin(), password.end());
  text.push_back(0);
  for (std::size_t i = 0; i < text.size(); ++i) text[i] ^= static_cast<std::uint8_t>(salt[i % salt.size()]);
  return text;
}

bool ask_for_oaep(EVP_PKEY_CTX* context) {
  return context != nullptr && EVP_PKEY_encrypt_init(context) == 1 &&
         EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1;
}

} // namespace

result<byte_buffer> encrypt_password(std::string_view password, std::string_view salt,
                                     std::string_view public_key) {
  if (salt.empty()) return errc::cryptography_failed;
  const key_ptr key = read_key(public_key);
  const context_ptr context(key ? EVP_PKEY_CTX_new(key.get(), nullptr) : nullptr);
  if (!ask_for_oaep(context.get())) return errc::cryptography_failed;
  const byte_buffer text = veil(password, salt);
  std::size_t size = 0;
  if (EVP_PKEY_encrypt(context.get(), nullptr, &size, text.data(), text.size()) != 1)
    return errc::cryptography_failed;
  byte_buffer sealed(size);
  if (EVP_PKEY_encrypt(context.get(), sealed.data(), &size, text.data(), text.size()) != 1)
    return errc::cryptography_failed;
  sealed.resize(size);
  return sealed;
}

} // namespace holdwater::protocol
