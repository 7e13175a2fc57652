# Signs in as a GitLab does whose openid_connect provider is set up as in
# examples/gitlab: with the gem that GitLab has for it (as Debian has it),
# unmodified. STANZA is the file, gitlab.rb or gitlab.yml; the addresses in it are
# those of the test. It prints "go ADDRESS" where GitLab would send the browser,
# reads the address to which that comes back, and prints what GitLab would learn of
# the person, as JSON.
require 'json'
require 'rack'
require 'yaml'
require 'omniauth'
require 'omniauth_openid_connect'

SWD.url_builder = URI::HTTP # the test's addresses are of loopback, without TLS
OmniAuth.config.logger = Logger.new(File::NULL)
OmniAuth.config.request_validation_phase = nil # a browser's token; there is no form here
OmniAuth.config.on_failure = proc { |env| raise env['omniauth.error'] || env['omniauth.error.type'].to_s }
OmniAuth.config.path_prefix = '/users/auth' # GitLab's

# The Linux package reads gitlab.rb as Ruby with a settings object.
def providers_of(file)
  text = File.read(file)
  return YAML.safe_load(text).dig('production', 'omniauth', 'providers') if file.end_with?('.yml')

  gitlab_rails = {}
  binding.tap { |b| b.local_variable_set(:gitlab_rails, gitlab_rails) }.eval(text, file)
  JSON.parse(gitlab_rails.fetch('omniauth_providers').to_json)
end

provider = providers_of(ENV.fetch('STANZA')).find { |p| p['name'] == 'openid_connect' }
# GitLab hands the args over with names as symbols.
args = JSON.parse(provider.fetch('args').to_json, symbolize_names: true)
inner = lambda { |env| [200, { 'content-type' => 'application/json' }, [env['omniauth.auth'].to_json]] }
app = OmniAuth::Strategies::OpenIDConnect.new(inner, args)
session = {}
call = lambda do |address, method|
  app.call(Rack::MockRequest.env_for(address, :method => method, 'rack.session' => session))
end

callback = args[:client_options][:redirect_uri]
_, headers, = call.call(callback.delete_suffix('/callback'), 'POST')
puts "go #{headers.fetch('Location')}"
$stdout.flush
_, _, body = call.call($stdin.gets.chomp, 'GET')
auth = JSON.parse(body.each.to_a.join)
puts({ provider: auth['provider'], uid: auth['uid'], username: auth['info']['nickname'], name: auth['info']['name'],
       email: auth['info']['email'], verified: auth['info']['email_verified'] }.to_json)
