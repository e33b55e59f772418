#include "protocol/rsa.hpp"

#include "protocol/c_ptr.hpp"
#include "protocol/secret.hpp"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

namespace holdwater::protocol {
namespace {

using bio_ptr = c_ptr<BIO, &BIO_free>;
using key_ptr = c_ptr<EVP_PKEY, &EVP_PKEY_free>;
using context_ptr = c_ptr<EVP_PKEY_CTX, &EVP_PKEY_CTX_free>;

key_ptr read_key(std::string_view pem) {
  const bio_ptr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return key_ptr(bio ? PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr) : nullptr);
}

// XOR the salt again and again, which is its own inverse.
void veil(byte_buffer& text, std::string_view salt) {
  for (std::size_t i = 0; i < text.size(); ++i) text[i] ^= static_cast<std::uint8_t>(salt[i % salt.size()]);
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
  byte_buffer text;
  text.reserve(password.size() + 1); // so that nothing of it stays behind elsewhere
  text.assign(password.begin(), password.end());
  text.push_back(0);
  veil(text, salt);
  std::size_t size = 0;
  bool good = EVP_PKEY_encrypt(context.get(), nullptr, &size, text.data(), text.size()) == 1;
  byte_buffer sealed(size);
  good = good && EVP_PKEY_encrypt(context.get(), sealed.data(), &size, text.data(), text.size()) == 1;
  wipe(text);
  if (!good) return errc::cryptography_failed;
  sealed.resize(size);
  return sealed;
}

result<rsa_key> rsa_key::read(std::string_view pem) {
  const bio_ptr in(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  key_ptr key(in ? PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr) : nullptr);
  const bio_ptr out(BIO_new(BIO_s_mem()));
  if (!key || !out || EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA ||
      PEM_write_bio_PUBKEY(out.get(), key.get()) != 1)
    return errc::cryptography_failed;
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  rsa_key made;
  made.public_pem_.assign(text, static_cast<std::size_t>(size));
  made.key_ = std::shared_ptr<EVP_PKEY>(std::move(key));
  return made;
}

result<std::string> rsa_key::open(byte_span sealed, std::string_view salt) const {
  auto* const key = static_cast<EVP_PKEY*>(key_.get());
  const context_ptr context(EVP_PKEY_CTX_new(key, nullptr));
  if (salt.empty() || !context || EVP_PKEY_decrypt_init(context.get()) != 1 ||
      EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_OAEP_PADDING) != 1)
    return errc::cryptography_failed;
  byte_buffer text(static_cast<std::size_t>(EVP_PKEY_get_size(key)));
  std::size_t size = text.size();
  if (EVP_PKEY_decrypt(context.get(), text.data(), &size, sealed.data(), sealed.size()) != 1)
    return errc::cryptography_failed;
  text.resize(size);
  veil(text, salt);
  const bool good = !text.empty() && text.back() == 0;
  std::string password;
  if (good) password.assign(text.begin(), text.end() - 1);
  wipe(text);
  if (!good) return errc::cryptography_failed;
  return password;
}

} // namespace holdwater::protocol
