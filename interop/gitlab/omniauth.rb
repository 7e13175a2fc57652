# Signs in at a GitLab with the strategy that GitLab itself has for other GitLabs
# (omniauth-gitlab, as Debian has it), unmodified, and prints what it got, as JSON,
# for the test that started it. With PKCE=true it uses that, as it can. TWIN is the address of the stand-in, USER_ID who
# signs in there. Without USER_ID somebody else is the browser: the "go ADDRESS" that
# is printed is answered, on a line of the input, with the address it came back to.
require 'json'
require 'net/http'
require 'rack'
require 'omniauth'
require 'omniauth-gitlab'

OmniAuth.config.logger = Logger.new(File::NULL)
OmniAuth.config.request_validation_phase = nil # a browser's token; there is no form here
OmniAuth.config.on_failure = proc { |env| raise env['omniauth.error'] || env['omniauth.error.type'].to_s }

inner = lambda { |env| [200, { 'content-type' => 'application/json' }, [env['omniauth.auth'].to_json]] }
app = OmniAuth::Strategies::GitLab.new(inner, ENV.fetch('APP'), ENV.fetch('SECRET'),
                                       scope: 'read_user', pkce: ENV['PKCE'] == 'true', authorize_params: { gl_auth_type: 'login' },
                                       client_options: { site: ENV.fetch('TWIN'),
                                                         authorize_url: '/oauth/authorize', token_url: '/oauth/token' })
session = {}
base = URI(ENV.fetch('CALLBACK'))
call = lambda do |address, method|
  app.call(Rack::MockRequest.env_for(address, :method => method, 'rack.session' => session))
end

_, headers, = call.call("#{base.scheme}://#{base.host}:#{base.port}/auth/gitlab", 'POST')
page = URI(headers['Location'])
agree = lambda do |page|
  unless ENV['USER_ID']
    puts "go #{page}"
    $stdout.flush
    next $stdin.gets.chomp
  end
  cookies = {}
  open = lambda do |method, address, form = nil|
    request = method == 'POST' ? Net::HTTP::Post.new(address) : Net::HTTP::Get.new(address)
    request['cookie'] = cookies.map { |k, v| "#{k}=#{v}" }.join('; ')
    request.set_form_data(form) if form
    answer = Net::HTTP.start(address.host, address.port) { |http| http.request(request) }
    (answer.get_fields('set-cookie') || []).each { |line| name, value = line.split(';').first.split('=', 2); cookies[name] = value }
    answer
  end
  twin = ENV.fetch('TWIN')
  open.call('GET', page)
  open.call('POST', URI("#{twin}/users/sign_in"), 'user_id' => ENV.fetch('USER_ID'))
  back = open.call('POST', URI("#{twin}/oauth/authorize"), URI.decode_www_form(page.query).to_h)
  raise "GitLab answered #{back.code} without a way back" unless back['Location']
  back['Location']
end
_, _, body = call.call(agree.call(page), 'GET')
auth = JSON.parse(body.each.to_a.join)
puts({ uid: auth['uid'].to_s, username: auth['info']['username'], name: auth['info']['name'], email: auth['info']['email'] }.to_json)
